//! The two link formats of PassKit's own tools, for people who have PassKit projects or come from there.
//!
//! - encrypted: `{url}?data={base64url(AES-CBC-PKCS7(json))}&iv={32 hex digits}`;
//! - hashed: `{url}?data={base64url(json)}&sig={hex HMAC(url?data=…)}`, SHA-256 or SHA-1.
//!
//! The JSON is one object of all columns, values trimmed, keys in byte order. PassKit's tool draws the IV at random;
//! here it is derived, so that encoding a row again gives the same bytes.
//!
//! **These formats are weaker than v1.** The encrypted one has no integrity: a changed link may open to other values.
//! The hashed one has no secrecy: everybody can read it. They are for links that PassKit's servers open.

use aes::{Aes128, Aes192, Aes256};
use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use hmac::{Hmac, KeyInit as _, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::BatchId;

const IV_BYTES: usize = 16;
const IV_LABEL: &[u8] = b"smartpass/passkit-iv";

/// One of PassKit's formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasskitKind {
    /// AES-CBC; no integrity.
    Encrypted,
    /// HMAC-SHA-256; no secrecy.
    Hashed,
    /// HMAC-SHA-1; no secrecy.
    HashedSha1,
}

/// A PassKit project's key: 16, 24 or 32 bytes. It is never printed, and zeroed on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PasskitKey(Vec<u8>);

impl PasskitKey {
    /// The key; none for a length that AES does not have.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        matches!(bytes.len(), 16 | 24 | 32).then_some(Self(bytes))
    }
}

impl std::fmt::Debug for PasskitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasskitKey(..)")
    }
}

/// The error of a PassKit link that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a PassKit link under this key")]
pub struct BadLink;

/// Seals the rows of one batch in one of PassKit's formats.
pub struct PasskitCipher {
    kind: PasskitKind,
    base_url: String,
    aes: Aes,
    sha256: Hmac<Sha256>,
    sha1: Hmac<Sha1>,
    batch_id: BatchId,
}

#[derive(Clone)]
enum Aes {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Aes256),
}

impl PasskitCipher {
    /// A cipher for the batch; its links start with `base_url`.
    pub fn new(kind: PasskitKind, key: &PasskitKey, base_url: &str, batch_id: BatchId) -> Self {
        Self {
            kind,
            base_url: base_url.to_owned(),
            aes: Aes::new(&key.0),
            sha256: Hmac::new_from_slice(&key.0).expect("HMAC takes a key of any length"),
            sha1: Hmac::new_from_slice(&key.0).expect("HMAC takes a key of any length"),
            batch_id,
        }
    }

    /// Appends to `out` the whole URL of row `row_number`, whose JSON is `json`. Encryption overwrites `json`.
    pub fn seal(&self, row_number: u32, json: &mut Vec<u8>, out: &mut Vec<u8>) {
        let url_start = out.len();
        out.extend_from_slice(self.base_url.as_bytes());
        out.extend_from_slice(b"?data=");
        if self.kind == PasskitKind::Encrypted {
            let iv = self.iv(row_number, json);
            self.aes.encrypt(&iv, json);
            URL_SAFE_NO_PAD.encode_append(json, out);
            out.extend_from_slice(b"&iv=");
            push_hex(&iv, out);
            return;
        }
        URL_SAFE_NO_PAD.encode_append(json, out);
        out.extend_from_slice(b"&sig=");
        let signed_end = out.len() - b"&sig=".len();
        if self.kind == PasskitKind::HashedSha1 {
            let signature =
                self.sha1.clone().chain_update(&out[url_start..signed_end]).finalize().into_bytes();
            push_hex(&signature, out);
        } else {
            let signature =
                self.sha256.clone().chain_update(&out[url_start..signed_end]).finalize().into_bytes();
            push_hex(&signature, out);
        }
    }

    fn iv(&self, row_number: u32, json: &[u8]) -> [u8; IV_BYTES] {
        let mut hmac = self.sha256.clone();
        for part in [IV_LABEL, &self.batch_id.0, &u64::from(row_number).to_be_bytes(), json] {
            hmac.update(part);
        }
        let digest: [u8; 32] = hmac.finalize().into_bytes().into();
        let mut iv = [0; IV_BYTES];
        iv.copy_from_slice(&digest[..IV_BYTES]);
        iv
    }
}

impl Aes {
    fn new(key: &[u8]) -> Self {
        let expect = "a PasskitKey has one of AES's lengths";
        match key.len() {
            16 => Self::Bits128(Aes128::new_from_slice(key).expect(expect)),
            24 => Self::Bits192(Aes192::new_from_slice(key).expect(expect)),
            _ => Self::Bits256(Aes256::new_from_slice(key).expect(expect)),
        }
    }

    /// Pads and encrypts in place.
    fn encrypt(&self, iv: &[u8; IV_BYTES], text: &mut Vec<u8>) {
        let length = text.len();
        text.resize(length + IV_BYTES, 0);
        let iv = iv.into();
        let sealed = match self {
            Self::Bits128(aes) => {
                cbc::Encryptor::inner_iv_init(aes, iv).encrypt_padded::<Pkcs7>(text, length).map(<[u8]>::len)
            }
            Self::Bits192(aes) => {
                cbc::Encryptor::inner_iv_init(aes, iv).encrypt_padded::<Pkcs7>(text, length).map(<[u8]>::len)
            }
            Self::Bits256(aes) => {
                cbc::Encryptor::inner_iv_init(aes, iv).encrypt_padded::<Pkcs7>(text, length).map(<[u8]>::len)
            }
        };
        text.truncate(sealed.expect("a whole block was added for the padding"));
    }

    fn decrypt(&self, iv: &[u8; IV_BYTES], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let iv = iv.into();
        let length = match self {
            Self::Bits128(aes) => cbc::Decryptor::inner_iv_init(aes, iv).decrypt_padded::<Pkcs7>(&mut sealed),
            Self::Bits192(aes) => cbc::Decryptor::inner_iv_init(aes, iv).decrypt_padded::<Pkcs7>(&mut sealed),
            Self::Bits256(aes) => cbc::Decryptor::inner_iv_init(aes, iv).decrypt_padded::<Pkcs7>(&mut sealed),
        }
        .map(<[u8]>::len);
        sealed.truncate(length.ok()?);
        Some(sealed)
    }
}

/// Opens a PassKit link: the columns and their values.
///
/// The data is base64url or standard base64, padded or not, since PassKit's Node library writes standard base64. The iv
/// is the same, or 32 hexadecimal digits.
///
/// # Errors
/// [`BadLink`], whatever is wrong.
pub fn open(url: &str, key: &PasskitKey) -> Result<Vec<(String, String)>, BadLink> {
    let (base_url, query) = url.split_once('?').ok_or(BadLink)?;
    let parameters: Vec<(&str, &str)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    let [("data", data), (name, value)] = parameters[..] else { return Err(BadLink) };
    let json = match name {
        "iv" => {
            let iv = decode_iv(value).ok_or(BadLink)?;
            let sealed = decode_any_base64(data).ok_or(BadLink)?;
            Aes::new(&key.0).decrypt(&iv, sealed).ok_or(BadLink)?
        }
        "sig" if !value.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            let signed = format!("{base_url}?data={data}");
            let signature = base16ct::mixed::decode_vec(value).map_err(|_| BadLink)?;
            let verified = if signature.len() == 20 {
                Hmac::<Sha1>::new_from_slice(&key.0)
                    .map_err(|_| BadLink)?
                    .chain_update(signed)
                    .verify_slice(&signature)
            } else {
                Hmac::<Sha256>::new_from_slice(&key.0)
                    .map_err(|_| BadLink)?
                    .chain_update(signed)
                    .verify_slice(&signature)
            };
            verified.map_err(|_| BadLink)?;
            decode_any_base64(data).ok_or(BadLink)?
        }
        _ => return Err(BadLink),
    };
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&json).map_err(|_| BadLink)?;
    let text = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(object.into_iter().map(|(name, value)| (name, text(value))).collect())
}

fn decode_iv(text: &str) -> Option<[u8; IV_BYTES]> {
    let bytes = if text.len() == 2 * IV_BYTES {
        base16ct::mixed::decode_vec(text).ok()
    } else {
        decode_any_base64(text)
    };
    bytes?.try_into().ok()
}

fn decode_any_base64(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    let padding = text.len() - unpadded.len();
    if padding > 2 || padding > 0 && !text.len().is_multiple_of(4) {
        return None;
    }
    URL_SAFE_NO_PAD.decode_to_vec(unpadded).or_else(|_| STANDARD_NO_PAD.decode_to_vec(unpadded)).ok()
}

fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    base16ct::lower::encode(bytes, &mut out[start..]).expect("there is room for two digits a byte");
}

/// Appends `text` as a JSON string (RFC 8259) with only the escapes that JSON requires.
pub fn push_json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                push_hex(&[byte], out);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
