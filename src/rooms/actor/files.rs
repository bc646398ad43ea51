//! The files of a message: what a draft names becomes what everybody sees. Whether they are still in no message is
//! decided by the commit that puts them into this one.

use std::sync::atomic::Ordering;

use super::Actor;
use crate::base::error::{Code, Error, Result};
use crate::base::file_detail::{FileDetail, Quota};
use crate::base::ids::Uid;
use crate::protocol::command::check_seen;
use crate::protocol::file::{MessageFile, NamedFile};
use crate::protocol::message::TextBody;
use crate::store::chat::files::FileState;

impl Actor {
    /// The files that a new message names: complete ones of its author that are in no message yet.
    pub(super) async fn new_files(
        &mut self,
        author: Uid,
        named: &[NamedFile],
    ) -> Result<Vec<MessageFile>> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        // What is staged may use the same files, and counts for what the room may have.
        self.flush().await;
        self.check_store()?;
        let (store, ids) = (self.shared.store.clone(), named.iter().map(|file| file.id));
        let rows = self.bounded(store.files(&ids.collect::<Vec<_>>())).await?;
        let mut files = Vec::with_capacity(named.len());
        for NamedFile { id, alt } in named {
            let row = rows.iter().find(|row| row.file.id == *id && row.owner == author);
            match row.map(|row| (row.state, &row.file)) {
                Some((FileState::Complete, file)) => {
                    files.push(MessageFile { alt: alt.clone(), ..file.clone() });
                }
                Some((FileState::Arriving, _)) => {
                    let text = "A file of this message has not arrived yet.";
                    return Err(Error::new(Code::FileIncomplete, text));
                }
                Some((FileState::Used | FileState::Erasing, _)) | None => return Err(file_gone()),
            }
        }
        self.check_room_for(&files).await?;
        Ok(files)
    }

    /// Whether the room may have these, too.
    async fn check_room_for(&mut self, files: &[MessageFile]) -> Result<()> {
        let most = self.shared.file_bytes_max.load(Ordering::Relaxed);
        if most == u64::MAX {
            return Ok(());
        }
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let used = self.bounded(store.room_file_bytes(room)).await?;
        let more = files.iter().map(|file| file.size).fold(used, u64::saturating_add);
        if more > most {
            return Err(Error::with_detail(FileDetail::QuotaFull { of: Quota::Room }));
        }
        Ok(())
    }
}

/// What an edit makes of a message: its new text, with the files that it leaves.
///
/// # Errors
/// `file_gone` for a file that the message does not have; `bad_request` if nothing would be left of it.
pub(super) fn edited(
    body: &TextBody,
    named: Option<&[NamedFile]>,
    present: &[MessageFile],
) -> Result<TextBody> {
    let files = match named {
        None => present.to_vec(),
        Some(named) => named.iter().map(|named| kept(named, present)).collect::<Result<_>>()?,
    };
    if files.is_empty() {
        check_seen("t", &body.text)?;
    }
    Ok(TextBody { files, ..body.clone() })
}

fn kept(named: &NamedFile, present: &[MessageFile]) -> Result<MessageFile> {
    let file = present.iter().find(|file| file.id == named.id).ok_or_else(file_gone)?;
    Ok(MessageFile { alt: named.alt.clone(), ..file.clone() })
}

pub(super) fn file_gone() -> Error {
    Error::new(Code::FileGone, "A file of this message is not there any more. Upload it again.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::FileId;

    fn file(n: u8) -> MessageFile {
        MessageFile {
            id: FileId([n; 16]),
            name: format!("{n}.png"),
            media_type: "image/png".into(),
            size: 1,
            width: None,
            height: None,
            alt: Some("old".into()),
        }
    }

    fn named(n: u8) -> NamedFile {
        NamedFile { id: FileId([n; 16]), alt: None }
    }

    #[test]
    fn an_edit_leaves_the_files_or_takes_some_of_them_in_its_order_with_its_words() {
        let (text, none) =
            (TextBody { text: "x".into(), ..TextBody::default() }, TextBody::default());
        let present = [file(1), file(2), file(3)];
        assert_eq!(edited(&none, None, &present).unwrap().files, present);
        let some = edited(&text, Some(&[named(3), named(1)]), &present).unwrap();
        let ids: Vec<_> = some.files.iter().map(|file| (file.id.0[0], file.alt.clone())).collect();
        assert_eq!((some.text.as_str(), ids), ("x", vec![(3, None), (1, None)]));
        let refused = |body, named: Option<&[NamedFile]>, present: &[MessageFile]| {
            edited(body, named, present).unwrap_err().code()
        };
        assert_eq!(refused(&text, Some(&[named(4)]), &present), Code::FileGone);
        assert_eq!(refused(&none, None, &[]), Code::BadRequest);
        assert!(edited(&text, Some(&[]), &present).unwrap().files.is_empty());
    }
}
