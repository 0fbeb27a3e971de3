//! The rows of a new payment, in the order of the columns in `pycore/payments/tables.py` and `pycore/events/event.py`.

use pycore_engine::{ColumnType, Field, FieldError, RowBuffer};

use crate::new_payment::NewPayment;
use crate::request::{CaptureMethod, Purpose};

/// Writes the row of `payments`.
pub fn put_payment(rows: &mut RowBuffer, payment: &NewPayment) -> Result<(), FieldError> {
    let request = &payment.request;
    let metadata = (!request.metadata.is_empty()).then(|| payment.metadata_json());
    put_row(
        rows,
        &[
            Field::Uuid(payment.id),
            Field::Uuid(payment.tenant.merchant_id),
            Field::Boolean(payment.tenant.live),
            Field::Text(&request.merchant_reference),
            Field::Text(payment.status.name()),
            Field::Text(Purpose::name(request.purpose)),
            Field::Integer(request.amount),
            Field::Text(&request.currency),
            Field::Integer(payment.amount_captured()),
            Field::Integer(0),
            Field::Text(CaptureMethod::name(request.capture_method)),
            text(request.method.map(|method| method.name())),
            text(payment.channel()),
            Field::Null,
            id(payment.hold_id()),
            id(request.store_id),
            id(request.customer_id),
            Field::Text(&request.subject),
            Field::Null,
            text(payment.failure_code),
            text(request.return_url.as_deref()),
            text(metadata.as_deref()),
            Field::Integer(payment.created_at),
            Field::Integer(payment.expires_at()),
            Field::Integer(payment.created_at),
            Field::Integer(1),
            Field::Text(&payment.key),
            Field::Bytea(&payment.fingerprint),
        ],
    )
}

/// Writes the row of `events`.
pub fn put_event(rows: &mut RowBuffer, event_id: u128, payment: &NewPayment, data: &str) -> Result<(), FieldError> {
    put_row(
        rows,
        &[
            Field::Uuid(event_id),
            Field::Uuid(payment.tenant.merchant_id),
            Field::Boolean(payment.tenant.live),
            Field::Text(&["payment.", payment.status.name()].concat()),
            Field::Uuid(payment.id),
            Field::Text(data),
            Field::Integer(payment.created_at),
        ],
    )
}

/// Fails where the buffer's table has other columns.
fn put_row(rows: &mut RowBuffer, fields: &[Field<'_>]) -> Result<(), FieldError> {
    if rows.columns().len() != fields.len() {
        return Err(FieldError::Type);
    }
    rows.begin_row();
    for (number, field) in fields.iter().enumerate() {
        let column: ColumnType = rows.columns()[number];
        rows.put(column, *field)?;
    }
    Ok(())
}

fn text(value: Option<&str>) -> Field<'_> {
    value.map_or(Field::Null, Field::Text)
}

fn id(value: Option<u128>) -> Field<'static> {
    value.map_or(Field::Null, Field::Uuid)
}
