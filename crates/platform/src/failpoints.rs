//! Failpoints: places where a test makes a process die or stop, to prove that no crash loses or repeats work.
//!
//! Debug builds read `SMARTPASS_FAILPOINT=point[:nth]=kill|stop|panic`; release builds have none of this. A process
//! that reaches the named point for the nth time (0: every time) says so in its log and does it.
//!
//! ```
//! use smartpass_platform::failpoints;
//! // SMARTPASS_FAILPOINT=copier/copied:2=kill ends the process when it is here for the second time.
//! failpoints::hit("copier/copied");
//! ```

/// Reaches a named point.
pub fn hit(name: &str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// Reaches a named point of one item of a series: `name/index`.
pub fn hit_of(name: &str, index: u32) {
    #[cfg(debug_assertions)]
    armed::pass(&format!("{name}/{index}"));
    #[cfg(not(debug_assertions))]
    let _ = (name, index);
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Fault {
        point: String,
        nth: u64,
        action: String,
        passed: AtomicU64,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("SMARTPASS_FAILPOINT").ok()?;
        let (place, action) = text.rsplit_once('=')?;
        let (point, nth) = match place.rsplit_once(':') {
            Some((point, nth)) => (point, nth.parse().ok()?),
            None => (place, 1),
        };
        let (point, action) = (point.to_owned(), action.to_owned());
        Some(Fault { point, nth, action, passed: AtomicU64::new(0) })
    });

    pub(super) fn pass(name: &str) {
        let Some(fault) = FAULT.as_ref().filter(|fault| fault.point == name) else { return };
        let passed = fault.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if fault.nth != 0 && passed != fault.nth {
            return;
        }
        tracing::error!(point = name, action = fault.action, "failpoint reached");
        let signal = match fault.action.as_str() {
            "kill" => "KILL",
            "stop" => "STOP",
            _ => panic!("failpoint reached: {name}"),
        };
        let pid = std::process::id().to_string();
        // The program `kill` sends the signal, since a call of our own would be unsafe code. Killed, the process waits
        // here for its end.
        let _ = std::process::Command::new("kill").args(["-s", signal, &pid]).status();
        if signal == "KILL" {
            loop {
                std::thread::park();
            }
        }
    }
}
