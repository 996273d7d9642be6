//! `smartpass jobs submit`: shows what would be mapped, sends the file, and sees the job through.

use anyhow::{Context, bail};
use futures_util::StreamExt;
use serde_json::Value;
use smartpass_core::template::{Mapping, Template};
use tokio_util::io::ReaderStream;

use super::client::{self, Client};
use super::{SubmitArgs, tell, tell_end, text, watch};
use crate::failure::{Exit, usage};
use crate::generate::outputs::beside;
use crate::progress::Progress;
use crate::remedies;
use crate::source::{Source, is_stdin};
use crate::staged::refuse_existing;

/// How much of the file is read at once.
const PIECE_BYTES: usize = 256 << 10;

pub(super) async fn run(args: SubmitArgs) -> anyhow::Result<Exit> {
    let client = Client::new(&args.server)?;
    let outputs = (beside(&args.input, "success"), beside(&args.input, "errors"));
    if args.download {
        if is_stdin(&args.input) {
            return usage(
                "--download needs a file to put the outputs beside (or: smartpass jobs download ID --out F)",
            );
        }
        refuse_existing(&[&outputs.0, &outputs.1], args.force)?;
    }
    preview(&client, &args).await?;
    let job = send(&client, &args).await?;
    if args.detach {
        return tell(&job, args.json, "is on its way (watch it with: smartpass jobs watch)");
    }
    let job = watch::until_end(&client, text(&job["id"])).await?;
    if args.download && job["state"] == "completed" {
        client::download(&client, &job, (&outputs.0, &outputs.1), args.force).await?;
    }
    tell_end(&job, args.json)
}

/// Brings columns and fields together as the server will, before a byte is sent. A pipe cannot be looked at twice.
async fn preview(client: &Client, args: &SubmitArgs) -> anyhow::Result<()> {
    if is_stdin(&args.input) {
        return Ok(());
    }
    let source = Source::open(&args.input, args.encoding)?;
    let found = client.get("templates").await?;
    let templates: Vec<Template> = found["templates"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            serde_json::from_value(entry["template"].clone()).context("the server's template cannot be read")
        })
        .collect::<anyhow::Result<_>>()?;
    let known = templates.iter().map(|template| template.code.as_str()).collect::<Vec<_>>().join(", ");
    let template = match (&args.template, &templates[..]) {
        (Some(code), _) => templates.iter().find(|template| template.code == *code),
        (None, [only]) => Some(only),
        (None, []) => bail!(
            "the project has no template yet (make one: smartpass template infer {} > t.toml, look at it, then: \
             smartpass template publish t.toml)",
            args.input.display()
        ),
        (None, _) => {
            return usage(format!("say which template the links are made with: --template ({known})"));
        }
    };
    let Some(template) = template else {
        bail!(
            "the project has no template {:?} (it has {known})",
            args.template.as_deref().unwrap_or_default()
        );
    };
    let mapping = Mapping::build(template, source.header.data_columns(), &args.map)
        .map_err(|error| remedies::of_mapping(&error))?;
    if !args.json {
        crate::text::print(&crate::summary::mapping_lines(&template.code, "published", &mapping))?;
    }
    Ok(())
}

async fn send(client: &Client, args: &SubmitArgs) -> anyhow::Result<Value> {
    let mut parameters: Vec<(&str, String)> =
        args.map.iter().map(|(column, field)| ("map", format!("{column}={field}"))).collect();
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|value| (name, value)));
    add("template", args.template.clone());
    add("link", args.link.clone());
    add("url", args.url.as_ref().map(|url| url.as_str().to_owned()));
    add("expires", args.expires.clone());
    add("column", args.column.clone());
    add("encoding", args.encoding.map(|encoding| encoding.name().to_owned()));
    add("retention_hours", args.retention_hours.map(|hours| hours.to_string()));
    let mut progress = Progress::start("upload", &args.input);
    let mut sent = 0;
    if is_stdin(&args.input) {
        let pieces = ReaderStream::with_capacity(tokio::io::stdin(), PIECE_BYTES);
        return client.upload(&parameters, reqwest::Body::wrap_stream(pieces), None).await;
    }
    let shown = args.input.display();
    let file = tokio::fs::File::open(&args.input).await.with_context(|| format!("cannot open {shown}"))?;
    let length = file.metadata().await?.len();
    let pieces = ReaderStream::with_capacity(file, PIECE_BYTES).map(move |piece| {
        sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        progress.advance(0, sent);
        piece
    });
    client.upload(&parameters, reqwest::Body::wrap_stream(pieces), Some(length)).await
}
