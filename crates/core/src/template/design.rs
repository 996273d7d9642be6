//! The design of a pass in Apple Wallet and Google Wallet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The pass's design; both parts may be left out until passes are to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// Apple Wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apple: Option<AppleDesign>,
    /// Google Wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google: Option<GoogleDesign>,
}

impl Design {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An Apple Wallet pass (PassKit Package Format Reference).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppleDesign {
    /// The pass's style.
    pub style: AppleStyle,
    /// The description that VoiceOver reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name shown beside the logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_text: Option<String>,
    /// `backgroundColor`, `foregroundColor`, `labelColor`: CSS `rgb()` or `#rrggbb`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub colors: BTreeMap<String, String>,
    /// `icon`, `logo`, `strip`, `thumbnail` and others: file names or URLs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// Barcodes, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barcodes: Vec<Barcode>,
}

/// The styles of Apple Wallet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Apple's")]
pub enum AppleStyle {
    BoardingPass,
    Coupon,
    EventTicket,
    Generic,
    StoreCard,
}

/// A barcode on a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barcode {
    /// The symbology.
    pub format: BarcodeFormat,
    /// Its content; `{field}` stands for a field's value.
    pub message: String,
}

/// The symbologies that both wallets show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the symbologies'")]
pub enum BarcodeFormat {
    Qr,
    Pdf417,
    Aztec,
    Code128,
}

/// A Google Wallet pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleDesign {
    /// The pass's class.
    pub class: GoogleClass,
    /// The class's id at Google, where one exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_id: Option<String>,
}

/// The classes of Google Wallet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Google's")]
pub enum GoogleClass {
    EventTicket,
    Flight,
    Generic,
    GiftCard,
    Loyalty,
    Offer,
    Transit,
}
