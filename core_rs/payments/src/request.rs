//! What is asked for.

/// Implements the names of an enum's values, which are those of `pycore.payments`.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$meaning:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$meaning])* $value,)+
        }

        impl $type {
            /// Every value, in the order of their numbers on the wire.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// Returns its name, as it is written everywhere but in gRPC.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }

            /// Returns the value with that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.name() == name)
            }
        }
    };
}
pub(crate) use named;

named!(
    /// Where the money goes.
    Purpose {
        /// To the merchant.
        Purchase = "purchase",
        /// Onto the customer's stored balance.
        TopUp = "top_up",
    }
);
named!(
    /// When the money moves to the merchant.
    CaptureMethod {
        /// At once.
        Automatic = "automatic",
        /// When the merchant says so; until then it is held.
        Manual = "manual",
    }
);
named!(
    /// How the payer pays.
    PaymentMethod {
        /// From the customer's stored value.
        Balance = "balance",
        /// The payer scans our code.
        QrCode = "qr_code",
        /// The merchant scans the payer's code.
        BarCode = "bar_code",
        /// Inside the channel's own app.
        Jsapi = "jsapi",
        /// From the merchant's app.
        App = "app",
        /// A mobile browser opens the channel's app.
        H5 = "h5",
        /// The browser goes to the channel's page.
        Page = "page",
    }
);
named!(
    /// How the payer was verified for this payment.
    Authentication {
        /// Not at all.
        None = "none",
        /// By one factor.
        OneFactor = "one_factor",
        /// By two.
        TwoFactors = "two_factors",
        /// By two, one of them a digital certificate or electronic signature.
        Certificate = "certificate",
    }
);

/// What is known of the payer at the moment of paying. Its code is money: it is neither kept nor shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payer {
    /// The code the payer shows.
    pub auth_code: Option<String>,
    /// The payer's id for our app.
    pub open_id: Option<String>,
    /// The payer's address, or the terminal's.
    pub client_ip: Option<String>,
}

/// A payment to ask for: the fields of `pycore.payments.CreatePayment`.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatePayment {
    /// The merchant's own number.
    pub merchant_reference: String,
    /// Minor units of the currency.
    pub amount: i64,
    /// Three letters of ISO 4217.
    pub currency: String,
    /// What the payer reads.
    pub subject: String,
    /// Where the money goes.
    pub purpose: Purpose,
    /// When it moves.
    pub capture_method: CaptureMethod,
    /// How to pay, where that is known.
    pub method: Option<PaymentMethod>,
    /// Through whom, where that is known.
    pub channel: Option<String>,
    /// Who pays.
    pub customer_id: Option<u128>,
    /// Where.
    pub store_id: Option<u128>,
    /// Whether to ask the payer at once.
    pub confirm: bool,
    /// How the payer was verified.
    pub authentication: Authentication,
    /// What else is known of the payer.
    pub payer: Option<Payer>,
    /// How long the payer has.
    pub expires_in_seconds: i64,
    /// Where the payer's browser goes afterwards.
    pub return_url: Option<String>,
    /// The merchant's own data.
    pub metadata: Vec<(String, String)>,
}
