//! A template as an Avro schema.

use serde_json::{Value as Json, json};

use crate::template::{Field, FieldType, Template, types::take_long};

/// The Avro schema, as JSON, of the datum that links of this template carry.
///
/// Avro allows fewer characters in names than templates do. A field's Avro name is therefore `f_` and its name, with
/// every byte outside `[A-Za-z0-9]` as `_` and two lower-case hex digits. A symbol is written in the same way after
/// `s_`, and a type that needs a name after the field type's own name and `_`. An optional field is a union of null
/// and its type, and defaults to null; a required field has its template's default.
///
/// The template has to be [validated](Template::validated).
pub fn avro_schema(template: &Template) -> String {
    let fields: Vec<_> = template.fields.iter().map(avro_field).collect();
    json!({ "type": "record", "name": "datum", "fields": fields }).to_string()
}

fn avro_field(field: &Field) -> Json {
    let (avro_type, default) = match field.required {
        true => (avro_type(field), avro_default(field)),
        false => (json!(["null", avro_type(field)]), Some(Json::Null)),
    };
    let mut avro = json!({ "name": avro_name("f", &field.name), "type": avro_type });
    if let Some(default) = default {
        avro["default"] = default;
    }
    avro
}

fn avro_type(field: &Field) -> Json {
    let name = avro_name(field.field_type.name(), &field.name);
    match field.field_type {
        FieldType::String | FieldType::Email | FieldType::Url => json!("string"),
        FieldType::Integer | FieldType::Phone => json!("long"),
        FieldType::Boolean => json!("boolean"),
        FieldType::Date => json!("int"),
        FieldType::Uuid => json!({ "type": "fixed", "name": name, "size": 16 }),
        FieldType::Decimal => avro_pair(&name, [("unscaled", "long"), ("scale", "int")]),
        FieldType::Datetime => avro_pair(&name, [("seconds", "long"), ("offset", "int")]),
        FieldType::Enum => {
            let symbols: Vec<_> = field.symbols.iter().map(|symbol| avro_name("s", symbol)).collect();
            json!({ "type": "enum", "name": name, "symbols": symbols })
        }
    }
}

fn avro_pair(name: &str, members: [(&str, &str); 2]) -> Json {
    let fields = members.map(|(name, avro_type)| json!({ "name": name, "type": avro_type }));
    json!({ "type": "record", "name": name, "fields": fields })
}

/// The template's default, as Avro writes the default of such a type in JSON.
fn avro_default(field: &Field) -> Option<Json> {
    let text = field.default.as_deref()?;
    let mut datum = Vec::new();
    Field { required: true, ..field.clone() }.encode(text.as_bytes(), true, &mut datum).ok()?;
    let mut rest = datum.as_slice();
    let default = match field.field_type {
        FieldType::String | FieldType::Email | FieldType::Url => json!(text),
        FieldType::Integer | FieldType::Phone | FieldType::Date => json!(take_long(&mut rest)?),
        FieldType::Boolean => json!(text == "true"),
        FieldType::Enum => json!(avro_name("s", text)),
        // Avro writes the bytes of a fixed as characters, U+0000 to U+00FF.
        FieldType::Uuid => json!(datum.iter().copied().map(char::from).collect::<String>()),
        FieldType::Decimal => {
            let (unscaled, scale) = (take_long(&mut rest)?, take_long(&mut rest)?);
            json!({ "unscaled": unscaled, "scale": scale })
        }
        FieldType::Datetime => {
            let (seconds, offset) = (take_long(&mut rest)?, take_long(&mut rest)?);
            json!({ "seconds": seconds, "offset": offset })
        }
    };
    Some(default)
}

/// The Avro name of a text. No two texts have the same name, since `_` is escaped too.
fn avro_name(prefix: &str, text: &str) -> String {
    let mut name = format!("{prefix}_");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    name
}
