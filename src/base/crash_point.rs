//! Places at which a debug build can be made to die, so that tests can look at what a kill there leaves behind.

/// Kills this process as `kill -9` does, if `IMPULSE_CRASH_AT` names this place. Release builds never do.
pub fn crash_point(name: &str) {
    #[cfg(debug_assertions)]
    {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| std::env::var("IMPULSE_CRASH_AT").ok());
        if chosen.as_deref() == Some(name) {
            let me = rustix::process::getpid();
            let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
