//! Avro single-object encoding.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

const MARKER: [u8; 2] = [0xc3, 0x01];
const HEADER_BYTES: usize = 10;

/// The reason why bytes are not a message of the kind expected.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not in single-object encoding.
    #[error("not an Avro message ({0} bytes)")]
    NotAvro(usize),
    /// The schema is not known: another kind of message, or one that a newer version wrote.
    #[error("schema fingerprint {0:016x} is not known: a newer version wrote it")]
    UnknownSchema(u64),
    /// The datum does not fit its schema.
    #[error("the message does not fit its schema")]
    Malformed,
}

/// Every version of a message's schema, the newest first.
pub struct Schemas(Vec<(u64, Schema)>);

impl Schemas {
    /// The schemas of these texts, the newest first.
    pub(crate) fn new(texts: &[&str]) -> Self {
        let parse = |text: &&str| {
            let schema = Schema::parse_str(text).expect("our own schemas are tested");
            let fingerprint = schema.fingerprint::<Rabin>().bytes;
            (u64::from_le_bytes(fingerprint.try_into().expect("CRC-64-AVRO has 8 bytes")), schema)
        };
        Self(texts.iter().map(parse).collect())
    }

    fn newest(&self) -> &(u64, Schema) {
        &self.0[0]
    }
}

/// JSON as an Avro value. A schema later turns maps into records and strings into enums.
fn avro(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        // The numbers in our messages are counts and times, far below 2^63.
        Json::Number(number) => Value::Long(number.as_i64().unwrap_or(i64::MAX)),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::Array(items.into_iter().map(avro).collect()),
        Json::Object(members) => {
            Value::Map(members.into_iter().map(|(name, member)| (name, avro(member))).collect())
        }
    }
}

/// A message on a topic.
///
/// It is converted between Rust and Avro through JSON's data model, which has unsigned numbers.
pub trait Message: Serialize + DeserializeOwned {
    /// Every version of its schema.
    fn schemas() -> &'static Schemas;

    /// Encodes the message in the newest schema.
    fn encode(&self) -> Vec<u8> {
        let (fingerprint, schema) = Self::schemas().newest();
        let mut bytes = MARKER.to_vec();
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        let json = serde_json::to_value(self).expect("a message has no map without text keys");
        let datum = avro(json)
            .resolve(schema)
            .and_then(|value| GenericDatumWriter::builder(schema).build()?.write_value_to_vec(value))
            .expect("a message fits its own schema");
        bytes.extend_from_slice(&datum);
        bytes
    }

    /// Decodes a message of any known version of the schema.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are not a message, the schema is not known, or the datum does not fit it.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let fingerprint = fingerprint_of(bytes).ok_or(DecodeError::NotAvro(bytes.len()))?;
        let schemas = Self::schemas();
        let written = schemas.0.iter().find(|(known, _)| *known == fingerprint);
        let (_, writer) = written.ok_or(DecodeError::UnknownSchema(fingerprint))?;
        let mut datum = &bytes[HEADER_BYTES..];
        let reader = GenericDatumReader::builder(writer).reader_schema(&schemas.newest().1).build();
        let value = reader.and_then(|reader| reader.read_value(&mut datum));
        let json = value.and_then(Json::try_from).map_err(|_| DecodeError::Malformed)?;
        let message: Self = serde_json::from_value(json).map_err(|_| DecodeError::Malformed)?;
        // The Avro library reads a truncated number as 0. Encoding the message again shows it.
        let is_exact = fingerprint != schemas.newest().0 || message.encode() == bytes;
        if datum.is_empty() && is_exact { Ok(message) } else { Err(DecodeError::Malformed) }
    }
}

fn fingerprint_of(bytes: &[u8]) -> Option<u64> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let fingerprint = header.strip_prefix(&MARKER)?;
    Some(u64::from_le_bytes(fingerprint.try_into().ok()?))
}

/// Whether the bytes have the fingerprint of a message of this kind.
pub(crate) fn is_of<M: Message>(bytes: &[u8]) -> bool {
    fingerprint_of(bytes).is_some_and(|given| M::schemas().0.iter().any(|(known, _)| *known == given))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde::{Deserialize, Serialize};

    use super::*;

    const FIRST: &str = r#"{"type": "record", "name": "Note", "fields": [
        {"name": "text", "type": "string"}, {"name": "old", "type": "long"}]}"#;
    const SECOND: &str = r#"{"type": "record", "name": "Note", "fields": [
        {"name": "more", "type": ["null", "long"], "default": null}, {"name": "text", "type": "string"}]}"#;

    /// A message as an older version knows it.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Before {
        text: String,
        old: u64,
    }

    /// The same message with a field more and one fewer.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct After {
        more: Option<u64>,
        text: String,
    }

    impl Message for Before {
        fn schemas() -> &'static Schemas {
            static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::new(&[FIRST]));
            &SCHEMAS
        }
    }

    impl Message for After {
        fn schemas() -> &'static Schemas {
            static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::new(&[SECOND, FIRST]));
            &SCHEMAS
        }
    }

    #[test]
    fn a_new_version_reads_the_old_ones_bytes() {
        let old = Before { text: "hello".to_owned(), old: 7 }.encode();
        assert_eq!(After::decode(&old).unwrap(), After { more: None, text: "hello".to_owned() });
        let new = After { more: Some(3), text: "hello".to_owned() };
        assert_eq!(After::decode(&new.encode()).unwrap(), new);
    }

    #[test]
    fn an_old_version_says_that_it_does_not_know_a_new_one() {
        let new = After { more: None, text: "hello".to_owned() }.encode();
        assert!(matches!(Before::decode(&new), Err(DecodeError::UnknownSchema(_))));
    }
}
