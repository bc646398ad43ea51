//! The folder of nightly backups: names that say when, and which are removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PREFIX: &str = "impulse-";
const SUFFIX: &str = ".backup";

/// A backup by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// The file.
    pub path: PathBuf,
    /// When it was begun.
    pub at: SystemTime,
    /// Its size.
    pub bytes: u64,
}

/// The name of a backup that is begun at `at`: `impulse-20261130T030000Z.backup`.
pub fn name(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{PREFIX}{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z{SUFFIX}")
}

/// The backups in a folder, oldest first; nothing if there is no such folder.
///
/// # Errors
/// Those of the folder.
pub fn list(folder: &Path) -> std::io::Result<Vec<Dated>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let at = entry.file_name().to_str().and_then(time_of);
        let Ok(meta) = entry.metadata() else { continue };
        if let Some(at) = at.filter(|_| meta.is_file()) {
            found.push(Dated { path: entry.path(), at, bytes: meta.len() });
        }
    }
    found.sort_by_key(|backup| backup.at);
    Ok(found)
}

/// The newest backup in a folder. One from the future, of a clock that was wrong, is not the newest: else it would be
/// for years, whatever is made meanwhile.
///
/// # Errors
/// Those of the folder.
pub fn newest(folder: &Path, now: SystemTime) -> std::io::Result<Option<Dated>> {
    Ok(until(folder, now)?.pop())
}

fn until(folder: &Path, now: SystemTime) -> std::io::Result<Vec<Dated>> {
    let mut backups = list(folder)?;
    backups.retain(|backup| backup.at <= now);
    Ok(backups)
}

/// Removes backups that are older than `kept`, but never the newest one and nothing that has another name.
///
/// # Errors
/// Those of the folder.
pub fn remove_old(folder: &Path, now: SystemTime, kept: Duration) -> std::io::Result<usize> {
    let mut backups = until(folder, now)?;
    backups.pop();
    backups.retain(|backup| now.duration_since(backup.at).is_ok_and(|age| age > kept));
    for backup in &backups {
        fs::remove_file(&backup.path)?;
    }
    Ok(backups.len())
}

/// The time in a name that [`name`] makes.
fn time_of(file: &str) -> Option<SystemTime> {
    let text = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str, from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let (year, month, date) = (number(day, 0, 4)?, number(day, 4, 6)?, number(day, 6, 8)?);
    let (hour, minute, second) = (number(time, 0, 2)?, number(time, 2, 4)?, number(time, 4, 6)?);
    let seconds = days(year, month, date)? * 86_400 + hour * 3_600 + minute * 60 + second;
    let at = UNIX_EPOCH + Duration::from_secs(seconds);
    (name(at) == file).then_some(at)
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The other way round; nothing before 1970.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_no_other_name_is_a_backup() {
        for (seconds, text) in [
            (0, "impulse-19700101T000000Z.backup"),
            (1_796_007_600, "impulse-20261130T030000Z.backup"),
            (1_709_210_096, "impulse-20240229T123456Z.backup"),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(name(at), text);
            assert_eq!(time_of(text), Some(at));
        }
        for day in 0..60_000 {
            let (year, month, date) = date(day);
            assert_eq!(days(year, month, date), Some(day));
        }
        for wrong in [
            "impulse-20261130T030000Z.backup.part",
            "impulse-20261131T030000Z.backup",
            "impulse-20261130T250000Z.backup",
            "impulse-2026113T0300000Z.backup",
            "impulse-+0261130T030000Z.backup",
            "my-20261130T030000Z.backup",
            "impulse-.backup",
            "notes.txt",
        ] {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_old_backups_of_ours_are_removed_and_never_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_796_007_600);
        let day = Duration::from_secs(86_400);
        let named = |days: u32| name(now - day * days);
        for file in [&named(40), &named(31), &named(29), "impulse-notes.backup", "old.txt"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        assert_eq!(remove_old(folder.path(), now, day * 30).unwrap(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        assert_eq!(remove_old(folder.path(), now + day * 400, day * 30).unwrap(), 0);
        assert!(newest(folder.path(), now).unwrap().unwrap().path.ends_with(named(29)));
        assert_eq!(newest(&folder.path().join("none"), now).unwrap(), None);
        // A clock that was wrong for a while.
        fs::write(folder.path().join(name(now + day * 1_000)), "x").unwrap();
        assert!(newest(folder.path(), now).unwrap().unwrap().path.ends_with(named(29)));
        assert_eq!(remove_old(folder.path(), now + day * 400, day * 30).unwrap(), 0);
    }
}
