//! Promises of every store of blobs: written once, never changed, deleted by the folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use bytes::Bytes;
use smartpass_platform::Error;
use smartpass_platform::blobs::Blobs;

use support::on_every_blob_store;

async fn put(blobs: &Blobs, path: &str, content: &'static str) {
    blobs.put(path, [Bytes::from(content)]).await.unwrap();
}

async fn sorted_below(blobs: &Blobs, folder: &str) -> Vec<String> {
    let mut paths = blobs.list_below(folder).await.unwrap();
    paths.sort();
    paths
}

on_every_blob_store!(a_path_is_written_once_and_keeps_its_first_content, async |blobs| {
    put(&blobs, "jobs/1/in/0", "first").await;
    let second = blobs.put("jobs/1/in/0", [Bytes::from("second")]).await;
    assert_eq!(second, Err(Error::Exists("blob jobs/1/in/0".to_owned())));
    assert_eq!(blobs.get("jobs/1/in/0").await.unwrap(), "first");
});

on_every_blob_store!(of_many_writers_of_a_path_one_wins, async |blobs| {
    let writers: Vec<_> = (0..8u8)
        .map(|number| {
            let blobs = blobs.clone();
            let content = Bytes::from(vec![number; 10_000]);
            tokio::spawn(async move { blobs.put("jobs/1/in/0", [content]).await.is_ok() })
        })
        .collect();
    let mut winners = Vec::new();
    for (number, writer) in (0u8..).zip(writers) {
        if writer.await.unwrap() {
            winners.push(number);
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    assert_eq!(blobs.get("jobs/1/in/0").await.unwrap(), vec![winner; 10_000]);
});

on_every_blob_store!(what_is_not_there_is_missing, async |blobs| {
    blobs.check().await.unwrap();
    put(&blobs, "jobs/1/in/0", "content").await;
    for path in ["jobs/1/in/1", "jobs/1/in", "jobs/1/in/0/0", "elsewhere"] {
        // Each store has its own error for what lies below a blob.
        let got = blobs.get(path).await;
        if path == "jobs/1/in/0/0" {
            assert!(got.is_err(), "{path}: {got:?}");
        } else {
            assert_eq!(got, Err(Error::Missing(format!("blob {path}"))));
        }
    }
});

on_every_blob_store!(five_mebibytes_in_pieces_come_back_as_one, async |blobs| {
    let content: Vec<u8> =
        (0..5 << 20).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let pieces: Vec<Bytes> = content.chunks(700_001).map(Bytes::copy_from_slice).collect();
    assert!(pieces.len() > 5);
    blobs.put("jobs/1/large", pieces).await.unwrap();
    assert!(blobs.get("jobs/1/large").await.unwrap() == content);
    blobs.put("jobs/1/empty", []).await.unwrap();
    assert_eq!(blobs.get("jobs/1/empty").await.unwrap(), "");
});

on_every_blob_store!(listing_finds_all_of_a_folder_and_nothing_beside_it, async |blobs| {
    for path in ["jobs/1/in/0.1", "jobs/1/in/1.1", "jobs/1/manifest", "jobs/10/in/0.1", "jobs/2/in/0.1"] {
        put(&blobs, path, path).await;
    }
    let of_one = ["jobs/1/in/0.1", "jobs/1/in/1.1", "jobs/1/manifest"];
    assert_eq!(sorted_below(&blobs, "jobs/1").await, of_one);
    assert_eq!(sorted_below(&blobs, "jobs/1/in").await, of_one[..2]);
    assert_eq!(sorted_below(&blobs, "jobs").await.len(), 5);
    assert_eq!(sorted_below(&blobs, "jobs/3").await, [""; 0]);
});

on_every_blob_store!(deleting_a_folder_leaves_nothing_of_it_and_all_beside_it, async |blobs| {
    for path in ["jobs/1/in/0.1", "jobs/1/manifest", "jobs/10/in/0.1", "registry/1"] {
        put(&blobs, path, path).await;
    }
    assert_eq!(blobs.delete_below("jobs/1").await.unwrap(), 2);
    assert_eq!(sorted_below(&blobs, "jobs").await, ["jobs/10/in/0.1"]);
    assert_eq!(blobs.get("jobs/1/manifest").await, Err(Error::Missing("blob jobs/1/manifest".to_owned())));
    assert_eq!(blobs.get("jobs/10/in/0.1").await.unwrap(), "jobs/10/in/0.1");
    assert_eq!(blobs.get("registry/1").await.unwrap(), "registry/1");

    assert_eq!(blobs.delete_below("jobs/1").await.unwrap(), 0, "twice is fine");
    put(&blobs, "jobs/1/manifest", "anew").await;
    assert_eq!(blobs.get("jobs/1/manifest").await.unwrap(), "anew");
});

on_every_blob_store!(deleting_the_same_folder_at_once_is_fine, async |blobs| {
    for index in 0..40 {
        blobs.put(&format!("jobs/1/in/{index}"), [Bytes::from("content")]).await.unwrap();
    }
    let (first, second) = tokio::join!(blobs.delete_below("jobs/1"), blobs.delete_below("jobs/1"));
    assert!(first.unwrap() == 40 || second.unwrap() == 40);
    assert_eq!(sorted_below(&blobs, "jobs").await, [""; 0]);
});

on_every_blob_store!(more_blobs_than_one_request_lists_or_deletes_are_all_deleted, async |blobs| {
    for index in 0..1_010 {
        blobs.put(&format!("jobs/1/in/{index}"), [Bytes::from("content")]).await.unwrap();
    }
    assert_eq!(blobs.delete_below("jobs/1").await.unwrap(), 1_010);
    assert_eq!(sorted_below(&blobs, "jobs/1").await, [""; 0]);
});

#[test]
fn other_places_are_refused_with_what_is_expected() {
    for url in ["", "jobs", "/tmp/jobs", "http://example.com/jobs"] {
        let Err(Error::Config(message)) = Blobs::at(url) else { panic!("{url:?} is a place for blobs") };
        assert!(message.contains("expected s3://bucket/prefix or file:///directory"), "{message}");
    }
}

#[tokio::test]
async fn a_file_url_is_that_directory() {
    let folder = tempfile::TempDir::new().unwrap();
    let blobs = Blobs::at(&format!("file://{}/new", folder.path().display())).unwrap();
    put(&blobs, "jobs/1/in/0", "content").await;
    assert_eq!(std::fs::read(folder.path().join("new/jobs/1/in/0")).unwrap(), b"content");
}
