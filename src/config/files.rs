//! Settings of the place for files.

use clap::Args;

/// A bucket in which files are kept instead of the data directory.
#[derive(Debug, Clone, Default, Args)]
pub struct FileSettings {
    /// Bucket for files people send, on a service that speaks S3: https://HOST/BUCKET[/PREFIX] [default: the data directory]
    #[arg(long, env = "IMPULSE_FILES_S3", value_name = "URL")]
    pub files_s3: Option<String>,

    /// Region of the bucket
    #[arg(
        long,
        env = "IMPULSE_FILES_S3_REGION",
        default_value = "us-east-1",
        value_name = "REGION"
    )]
    pub files_s3_region: String,

    /// Access key of the bucket
    #[arg(long, env = "IMPULSE_FILES_S3_KEY", hide_env_values = true, value_name = "KEY")]
    pub files_s3_key: Option<String>,

    /// Secret of that key
    #[arg(long, env = "IMPULSE_FILES_S3_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub files_s3_secret: Option<String>,
}

/// Where a bucket is, and who we are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketPlace<'a> {
    /// The service: `https://host:port`.
    pub endpoint: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// What the names of all objects begin with; may be empty.
    pub prefix: &'a str,
    /// Its region.
    pub region: &'a str,
    /// The access key.
    pub key: &'a str,
    /// Its secret.
    pub secret: &'a str,
}

impl FileSettings {
    /// The bucket, if files are kept in one.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn place(&self) -> Result<Option<BucketPlace<'_>>, String> {
        let Some(url) = self.files_s3.as_deref() else { return Ok(None) };
        let wrong = || {
            let wanted = "expected https://HOST/BUCKET or https://HOST/BUCKET/PREFIX";
            format!("--files-s3 {url:?}: {wanted}")
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (host, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_odd = |byte: u8| matches!(byte, b'@' | b'?' | b'#' | b'%' | b'\\');
        if !matches!(scheme, "http" | "https")
            || host.is_empty()
            || bucket.is_empty()
            || !is_plain(rest)
            || rest.bytes().any(is_odd)
        {
            return Err(wrong());
        }
        let (Some(key), Some(secret)) = (&self.files_s3_key, &self.files_s3_secret) else {
            return Err("--files-s3 needs IMPULSE_FILES_S3_KEY and IMPULSE_FILES_S3_SECRET".into());
        };
        Ok(Some(BucketPlace {
            endpoint: url.get(..scheme.len() + "://".len() + host.len()).unwrap_or_default(),
            bucket,
            prefix: prefix.trim_matches('/'),
            region: &self.files_s3_region,
            key,
            secret,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> FileSettings {
        FileSettings {
            files_s3: Some(url.to_owned()),
            files_s3_region: "eu".to_owned(),
            files_s3_key: Some("key".to_owned()),
            files_s3_secret: Some("secret".to_owned()),
        }
    }

    #[test]
    fn a_bucket_has_an_address_a_name_and_a_key() {
        assert_eq!(FileSettings::default().place(), Ok(None));
        let settings_of = settings("https://s3.example.org:9000/chat/of/us/");
        let place = settings_of.place().unwrap().unwrap();
        assert_eq!(place.endpoint, "https://s3.example.org:9000");
        assert_eq!((place.bucket, place.prefix, place.region), ("chat", "of/us", "eu"));
        assert_eq!(settings("http://[::1]:9000/chat").place().unwrap().unwrap().prefix, "");
        for wrong in [
            "",
            "chat",
            "s3://chat",
            "https://s3.example.org",
            "https://s3.example.org/",
            "https:///chat",
            "https://key:secret@s3.example.org/chat",
            "https://s3.example.org/ch at",
            "https://s3.example.org/chat?x",
        ] {
            assert!(settings(wrong).place().is_err(), "{wrong}");
        }
        let keyless = FileSettings { files_s3_secret: None, ..settings("https://s3.org/chat") };
        assert!(keyless.place().is_err());
    }
}
