//! A payment as its merchant sees it, in JSON: the fields of `pycore.payments.Payment` in their order.

use std::io::Write;

use pycore_engine::put_json_string;

use crate::new_payment::NewPayment;

const SECONDS_PER_DAY: i64 = 86_400;

impl NewPayment {
    /// Returns the JSON.
    pub fn json(&self) -> String {
        let request = &self.request;
        let mut json = Object::new();
        json.text("id", &typed_id("pay", self.id));
        json.text("object", "payment");
        json.text("merchant_reference", &request.merchant_reference);
        json.raw("live", if self.tenant.live { "true" } else { "false" });
        json.text("status", self.status.name());
        json.text("purpose", request.purpose.name());
        json.number("amount", request.amount);
        json.text("currency", &request.currency);
        json.number("amount_captured", self.amount_captured());
        json.number("amount_refunded", 0);
        json.text("capture_method", request.capture_method.name());
        json.optional("method", request.method.map(|method| method.name()));
        json.optional("channel", self.channel());
        json.optional("customer_id", request.customer_id.map(|id| typed_id("cus", id)).as_deref());
        json.optional("store_id", request.store_id.map(|id| typed_id("sto", id)).as_deref());
        json.text("subject", &request.subject);
        json.raw("next_action", "null");
        json.optional("failure_code", self.failure_code);
        json.optional("return_url", request.return_url.as_deref());
        json.key("metadata");
        put_metadata(&mut json.bytes, &request.metadata);
        json.key("allowed_actions");
        put_list(&mut json.bytes, self.allowed_actions());
        let created_at = time(self.created_at);
        json.text("created_at", &created_at);
        json.text("expires_at", &time(self.expires_at()));
        json.text("updated_at", &created_at);
        json.end()
    }

    /// Returns the metadata as a JSON object.
    pub(crate) fn metadata_json(&self) -> String {
        let mut json = Vec::new();
        put_metadata(&mut json, &self.request.metadata);
        String::from_utf8(json).expect("made of text")
    }
}

/// Returns an id as the outside world sees it.
pub fn typed_id(prefix: &str, id: u128) -> String {
    format!("{prefix}_{id:032x}")
}

struct Object {
    bytes: Vec<u8>,
}

impl Object {
    fn new() -> Self {
        let mut bytes = Vec::with_capacity(768);
        bytes.push(b'{');
        Self { bytes }
    }

    fn key(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.key(name);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        put_json_string(&mut self.bytes, value.as_bytes());
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(text) => self.text(name, text),
            None => self.raw(name, "null"),
        }
    }

    fn number(&mut self, name: &str, value: i64) {
        self.key(name);
        write!(self.bytes, "{value}").expect("memory takes everything");
    }

    fn end(mut self) -> String {
        self.bytes.push(b'}');
        String::from_utf8(self.bytes).expect("made of text")
    }
}

fn put_metadata(json: &mut Vec<u8>, metadata: &[(String, String)]) {
    json.push(b'{');
    for (number, (name, value)) in metadata.iter().enumerate() {
        if number > 0 {
            json.push(b',');
        }
        put_json_string(json, name.as_bytes());
        json.push(b':');
        put_json_string(json, value.as_bytes());
    }
    json.push(b'}');
}

fn put_list(json: &mut Vec<u8>, texts: &[&str]) {
    json.push(b'[');
    for (number, text) in texts.iter().enumerate() {
        if number > 0 {
            json.push(b',');
        }
        put_json_string(json, text.as_bytes());
    }
    json.push(b']');
}

/// Returns a time in RFC 3339, in whole microseconds, which are left out where there are none.
fn time(time_ns: i64) -> String {
    let (seconds, micros) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000) / 1000);
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Returns year, month and day of a day since 1970, in the Gregorian calendar.
///
/// Years begin in March here, so that a leap day is the last of its year; 400 of them have 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01 to 1970-01-01
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_rfc_3339() {
        for (time_ns, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (999, "1970-01-01T00:00:00Z"),
            (951_782_400_000_001_000, "2000-02-29T00:00:00.000001Z"),
            (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999Z"),
            (1_709_251_200_000_000_000, "2024-03-01T00:00:00Z"),
            (4_102_444_799_500_000_000, "2099-12-31T23:59:59.500000Z"),
        ] {
            assert_eq!(time(time_ns), expected);
        }
    }
}
