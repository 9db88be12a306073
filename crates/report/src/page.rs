//! The report as one page: without scripts, without anything from elsewhere.

mod chart;
mod markup;
mod sections;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::markup::Markup;
use crate::Incident;
use crate::text::zone_name;

/// The only style of the page. Its digest is in the page's policy.
const STYLE: &str = include_str!("page/style.css");

/// The sections, with the ids that links lead to.
const SECTIONS: &[(&str, &str)] = &[
    ("findings", "Findings"),
    ("timeline", "Timeline"),
    ("runs", "Runs"),
    ("last-lines", "Last lines before each end"),
    ("log", "Log"),
    ("container", "Container"),
    ("repeat", "Repeat it"),
];

impl Incident {
    /// Returns the report as an HTML document. It has no script, loads nothing, and forbids both
    /// to browsers.
    pub fn to_html(&self) -> String {
        let mut page = Markup::default();
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
        page.raw(&format!("style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n"));
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
        page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
        page.raw("<meta name=\"robots\" content=\"noindex\">\n<title>");
        page.text(&format!("{}: {}", self.name, self.state));
        page.raw("</title>\n<style>");
        page.raw(STYLE);
        page.raw("</style>\n</head>\n<body>\n");
        page.raw("<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n");
        self.header(&mut page);
        page.raw("<nav aria-label=\"Sections\">\n<ul>\n");
        for (id, title) in SECTIONS {
            page.raw(&format!("<li><a href=\"#{id}\">{title}</a></li>\n"));
        }
        page.raw("</ul>\n</nav>\n<main>\n");
        let bodies: [fn(&Self, &mut Markup); 7] = [
            Self::findings_section,
            Self::timeline_section,
            Self::runs_section,
            Self::last_lines_section,
            Self::log_section,
            Self::container_section,
            Self::repeat_section,
        ];
        for ((id, title), body) in SECTIONS.iter().zip(bodies) {
            page.raw(&format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n"
            ));
            body(self, &mut page);
            page.raw("</section>\n");
        }
        page.raw("</main>\n<footer>\n<p>");
        page.text(&format!(
            "Times are in {}. Values that look like secrets are shown as ***; the log may contain others: read the page \
             before you hand it on.",
            zone_name(self)
        ));
        page.raw("</p>\n</footer>\n</body>\n</html>\n");
        page.into_text()
    }

    fn header(&self, page: &mut Markup) {
        page.raw("<header>\n<h1>");
        page.text(&self.name);
        page.raw("</h1>\n<p class=\"state\">");
        page.text(&self.state);
        page.raw("</p>\n");
        if let Some(verdict) = self.findings.first() {
            page.raw("<p class=\"verdict\">");
            page.sentence(&verdict.message);
            page.raw("</p>\n");
        }
        page.raw("<p class=\"made\">");
        page.text("Collected ");
        page.time(self.now, &self.zone);
        page.raw("</p>\n</header>\n");
    }
}
