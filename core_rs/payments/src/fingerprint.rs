//! What tells requests apart.

use blake3::Hasher;

use crate::new_payment::Tenant;
use crate::request::CreatePayment;

/// Feeds a hash so that no two different requests give it the same bytes: every text comes with its length.
struct Fields(Hasher);

impl Fields {
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn id(&mut self, id: Option<u128>) {
        self.0.update(&id.unwrap_or_default().to_le_bytes());
    }

    fn half(self) -> [u8; 16] {
        *self.0.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes")
    }
}

/// Returns a hash of everything that is asked for.
pub fn fingerprint(request: &CreatePayment) -> [u8; 16] {
    let mut fields = Fields(Hasher::new());
    for text in [&request.merchant_reference, &request.currency, &request.subject] {
        fields.text(text);
    }
    fields.number(request.amount.cast_unsigned());
    fields.number(request.expires_in_seconds.cast_unsigned());
    fields.id(request.customer_id);
    fields.id(request.store_id);
    for name in [
        request.purpose.name(),
        request.capture_method.name(),
        request.method.map_or("", |method| method.name()),
        request.authentication.name(),
    ] {
        fields.text(name);
    }
    fields.number(u64::from(request.confirm));
    fields.optional(request.channel.as_deref());
    fields.optional(request.return_url.as_deref());
    let payer = request.payer.clone().unwrap_or_default();
    for text in [&payer.auth_code, &payer.open_id, &payer.client_ip] {
        fields.optional(text.as_deref());
    }
    fields.number(request.metadata.len() as u64);
    for (name, value) in &request.metadata {
        fields.text(name);
        fields.text(value);
    }
    fields.half()
}

/// Returns what no two requests under way may share: a tenant's key, or its reference, by its `kind`.
pub fn claim(kind: &str, tenant: Tenant, text: &str) -> u128 {
    let mut fields = Fields(Hasher::new());
    fields.text(kind);
    fields.id(Some(tenant.merchant_id));
    fields.number(u64::from(tenant.live));
    fields.text(text);
    u128::from_le_bytes(fields.half())
}
