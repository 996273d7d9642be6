//! The project's key, and the subkey that the links of one batch share.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::token::{LinkKind, TokenHeader};
use crate::ids::{BatchId, KeyVersion, ProjectCode, TemplateNumber};

const SALT: &[u8] = b"smartpass/link/v1";

/// A project's key: 32 bytes from the operating system's random source. It is never printed, and zeroed on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ProjectKey([u8; 32]);

impl ProjectKey {
    /// The key itself, for storing it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for ProjectKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProjectKey(..)")
    }
}

/// The input of a batch's subkey besides the project's key.
#[derive(Clone, Debug)]
pub struct BatchKey<'a> {
    /// The project that the links belong to.
    pub project: &'a ProjectCode,
    /// Encrypted or signed.
    pub kind: LinkKind,
    /// The number of the project's key.
    pub key_version: KeyVersion,
    /// The number of the template.
    pub template_number: TemplateNumber,
    /// The id of the batch, never used before.
    pub batch_id: BatchId,
    /// SHA-256 of the template's schema text.
    pub schema_digest: [u8; 32],
}

impl BatchKey<'_> {
    /// The token header of the batch's first row.
    pub(super) fn header(&self) -> TokenHeader {
        TokenHeader {
            kind: self.kind,
            key_version: self.key_version,
            template_number: self.template_number,
            batch_id: self.batch_id,
            row_number: 0,
        }
    }

    /// The subkey, by HKDF-SHA-256 (RFC 5869). The project's code and the digest bind links to project and schema.
    pub(super) fn subkey(&self, project_key: &ProjectKey) -> Zeroizing<[u8; 32]> {
        let prefix = self.header().batch_prefix();
        let info = [self.project.as_str().as_bytes(), &[0], &prefix, &self.schema_digest];
        let mut subkey = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(SALT), project_key.expose())
            .expand_multi_info(&info, subkey.as_mut())
            .expect("32 bytes are less than HKDF's limit of 255 blocks");
        subkey
    }
}
