//! Opens a page in a headless Chromium, and measures it.
//!
//! The page forbids scripts, so a second page opens it in a frame and looks at it from outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A headless Chromium.
pub(super) struct Browser {
    is_dark: bool,
}

/// What a browser shows of a page.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    /// How wide the page is: more than its frame if it must be scrolled.
    pub(super) width: u32,
    /// What a script of the page has left behind.
    pub(super) pwned: String,
    /// What a script that is put into the page has left behind.
    pub(super) smuggled: String,
    pub(super) title: String,
    /// Whether the page's own style is in force.
    pub(super) is_styled: bool,
    pub(super) background: String,
    /// How many bars of runs have a size.
    pub(super) bars: u32,
    /// Texts whose font is smaller than 10 pixels.
    pub(super) small: String,
}

const LOOK: &str = r"
function look(frame) {
  const page = frame.contentDocument, view = frame.contentWindow;
  const script = page.createElement('script');
  script.textContent = 'window.smuggled = 1';
  page.body.append(script);
  const style = view.getComputedStyle(page.body);
  const texts = [...page.querySelectorAll('main *, header *')].filter(e => e.childElementCount == 0);
  return {
    width: page.documentElement.scrollWidth,
    pwned: String(view.pwned ?? window.pwned ?? ''),
    smuggled: String(view.smuggled ?? ''),
    title: page.title,
    is_styled: style.maxWidth == '1152px',
    background: style.backgroundColor,
    bars: [...page.querySelectorAll('rect.run')].filter(e => e.getBoundingClientRect().width > 0).length,
    small: texts.filter(e => parseFloat(view.getComputedStyle(e).fontSize) < 10).map(e => e.tagName).join(),
  };
}
addEventListener('load', () => {
  const seen = look(document.querySelector('iframe'));
  document.body.replaceChildren(new Text('SEEN' + encodeURIComponent(JSON.stringify(seen)) + 'SEEN'));
});
";

impl Browser {
    /// Returns the installed browser. Fails the test without one.
    pub(super) fn required() -> Self {
        let asked = Command::new("chromium").arg("--version").output();
        assert!(
            asked.is_ok_and(|answer| answer.status.success()),
            "this test needs Chromium: ./scripts/test installs it, or `apt-get install chromium`"
        );
        Self { is_dark: false }
    }

    /// Returns a browser of a user who prefers dark pages.
    pub(super) fn in_the_dark() -> Self {
        let mut browser = Self::required();
        browser.is_dark = true;
        browser
    }

    /// Opens a page in a frame of this width.
    pub(super) fn open(&self, page: &Path, width: u32) -> Seen {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = folder.path().join("outside.html");
        let address = format!("file://{}", page.display());
        let html = format!(
            "<!doctype html><body><iframe width={width} height=900 style='border:0' src='{address}'></iframe><script>{LOOK}</script>"
        );
        fs::write(&outside, html).expect("a page");
        let mut command = Command::new("timeout");
        command.args(["120", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu"]);
        // The page has an origin of its own otherwise, and cannot be looked at.
        command.args(["--allow-file-access-from-files", "--disable-dev-shm-usage"]);
        // It asks nobody for anything.
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"]);
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!self.is_dark)));
        command.args(["--window-size=1600,1000", "--dump-dom"]);
        command.arg(format!("file://{}", outside.display()));
        let answer = command.stdin(Stdio::null()).output().expect("Chromium runs");
        let text = String::from_utf8_lossy(&answer.stdout);
        let seen = text.split("SEEN").nth(1).unwrap_or_else(|| {
            panic!("Chromium says: {text}\n{}", String::from_utf8_lossy(&answer.stderr))
        });
        let bytes = percent_decoded(seen);
        serde_json::from_slice(&bytes).expect("what the page looks like")
    }
}

/// Decodes `%20` and the like.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let (code, after) = after.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("a byte"));
        rest = after;
    }
    bytes.extend(rest.bytes());
    bytes
}
