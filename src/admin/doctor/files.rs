//! The folder of files that people send, and the bucket if there is one.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::report::blocking;
use super::row::Row;
use super::site::Site;
use crate::files::FileStore;
use crate::store::chat::files::mark_of_files;
use crate::store::pool::Database;

const CHECK: &str = "files";
const BUCKET: &str = "bucket";
/// What says which database the folder belongs to.
const MARK: &str = "store-id";

pub async fn check(site: &Site) -> Vec<Row> {
    let folder = site.data_dir.join("files");
    let of_bucket = bucket(site, &folder).await;
    let mark = mark(site).await;
    let mut rows = blocking(CHECK, move || vec![judge(&folder, mark)]).await;
    rows.extend(of_bucket);
    rows
}

/// Whether the bucket takes, gives back and erases what it should.
async fn bucket(site: &Site, folder: &Path) -> Option<Row> {
    site.config.files.files_s3.as_ref()?;
    let store = match FileStore::open(folder.to_owned(), &site.config.files) {
        Ok(store) => store,
        Err(sentence) => return Some(Row::todo(BUCKET, sentence, "mend the settings")),
    };
    let bucket = store.bucket()?;
    Some(match bucket.check().await {
        Ok(()) => Row::ok(BUCKET, format!("{} takes files and gives them back", bucket.shown())),
        Err(cause) => Row::todo(
            BUCKET,
            format!("{}: {cause}", bucket.shown()),
            "see that the service runs, that the bucket is there, and that the key may read, write and erase in it",
        ),
    })
}

/// The mark that the folder must have, because the database has files; nothing also if the database does not say.
async fn mark(site: &Site) -> Option<[u8; 16]> {
    let database = Database::new(&super::database::url(site)?).ok()?;
    mark_of_files(&database.connect().await.ok()?).await.ok()?
}

fn judge(folder: &Path, mark: Option<[u8; 16]>) -> Row {
    let shown = folder.display();
    let store = FileStore::at(folder.to_owned());
    if let Some(mark) = mark.filter(|mark| !store.is_marked(*mark)) {
        return Row::todo(
            CHECK,
            format!("the files of the database are not in {shown}"),
            store.absence(mark),
        );
    }
    let mut entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Row::ok(CHECK, format!("{shown} is made with the first file"));
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Row::todo(CHECK, format!("{shown} is no folder"), "move it away");
        }
        Err(error) => return Row::unknown(CHECK, format!("{shown} cannot be read: {error}")),
        Ok(entries) => entries,
    };
    if !folder.join(MARK).exists() && entries.next().is_some() {
        return Row::todo(
            CHECK,
            format!("{shown} has no {MARK}: it is not a folder of files, or not a whole one"),
            "put back the folder that belongs to the database, all of it",
        );
    }
    let strays = fs::read_dir(folder.join("stray")).map_or(0, Iterator::count);
    if strays > 0 {
        return Row::todo(
            CHECK,
            format!(
                "{strays} in {shown}/stray belong to nothing in the database, and go after a week"
            ),
            "if the database was set back, put back one that knows them; otherwise nothing",
        );
    }
    Row::ok(CHECK, format!("{shown} has its {MARK}, and nothing was put away"))
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn a_folder_that_is_none_or_not_whole_or_has_strays_is_something_to_do() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("files");
        assert_eq!(judge(&folder, None).status, Status::Ok, "none yet");
        assert_eq!(judge(&folder, Some([7; 16])).status, Status::Todo, "there should be one");
        fs::create_dir_all(folder.join("ab")).unwrap();
        assert_eq!(judge(&folder, None).status, Status::Todo, "no mark");
        fs::write(folder.join(MARK), "00").unwrap();
        assert_eq!(judge(&folder, None).status, Status::Ok);
        assert_eq!(judge(&folder, Some([7; 16])).status, Status::Todo, "another one");
        fs::write(folder.join(MARK), "07".repeat(16)).unwrap();
        assert_eq!(judge(&folder, Some([7; 16])).status, Status::Ok);
        fs::create_dir(folder.join("stray")).unwrap();
        fs::write(folder.join("stray/x"), "x").unwrap();
        assert_eq!(judge(&folder, None).status, Status::Todo, "strays");
        assert_eq!(judge(&folder.join(MARK), None).status, Status::Todo, "no folder");
    }
}
