//! Links: a row's data, sealed into a URL.
//!
//! `schemas/link-v1.md` is the format's specification, for people who write another implementation;
//! `schemas/link-v1-vectors.json` has its test vectors. A v1 link is `BASE/TOKEN`. A token is a header that names key
//! and template, the row's values, and a tag:
//!
//! - a [`BatchCipher`] seals. It is made for one batch, and derives one subkey for it;
//! - an [`Opener`] opens. Every token that no `BatchCipher` of the project wrote gets the same answer,
//!   [`OpenError::BadToken`]. Only a genuine link gets the answer that its key was [revoked](KeyState::Revoked);
//! - [`passkit`] has the two formats of PassKit's own tools.
//!
//! ```
//! use std::collections::BTreeMap;
//! use smartpass_core::ids::BatchId;
//! use smartpass_core::link::{BatchCipher, BatchKey, LinkKind, Opener, ProjectKey, Keyring};
//! use smartpass_core::template::Template;
//!
//! let template: Template = Template::from_toml("code = 'club'\n[[fields]]\nname = 'seat'\ntype = 'string'").unwrap();
//! let one = 1.try_into().unwrap();
//! let project = "wrsynr".parse().unwrap();
//! let batch = BatchKey { project: &project, kind: LinkKind::Encrypted, key_version: one, template_number: one,
//!     batch_id: BatchId([7; 8]), schema_digest: template.schema_digest() };
//! let cipher = BatchCipher::new(&ProjectKey::from([9; 32]), &batch, 0);
//!
//! let mut token = Vec::new();
//! cipher.seal(0, &mut token, |datum| template.encode([Some("14 C")], datum)).unwrap();
//!
//! let keyring = Keyring { project, keys: BTreeMap::from([(one, ProjectKey::from([9; 32]).into())]),
//!     templates: BTreeMap::from([(one, template)]) };
//! let opened = Opener::new(keyring).open_bytes(&token, None).unwrap();
//! assert_eq!(opened.values, [Some("14 C".to_owned())]);
//! ```

mod gcm;
mod keyring;
mod keys;
mod open;
pub mod passkit;
mod seal;
mod token;

pub use keyring::{KeyState, Keyring, KeyringKey, sealing_version};
pub use keys::{BatchKey, ProjectKey};
pub use open::{OpenError, Opened, Opener};
pub use seal::BatchCipher;
pub use token::{Expiry, ExpiryError, LinkKind, MAX_TOKEN_BYTES, TokenHeader};

/// About the number of characters that header and tag add to a URL, for estimates.
pub const TOKEN_OVERHEAD_CHARACTERS: usize = 48;
