//! Templates as `docker ps --format` takes them: text with `{{.Field}}` in it, and `table` for
//! aligned columns.
//!
//! Of Go's template language, only what formats single values is known. Everything else is refused
//! with a message, so that no template means something else than in docker.

use scratchdbg_logs::escape;
use unicode_width::UnicodeWidthStr as _;

/// The gap between two columns of a table.
const GAP: usize = 3;
/// The least width of a column of a table, with its gap.
const NARROWEST: usize = 10;

/// The values that a template can show.
pub trait Fields {
    /// Returns the value of a field. `None` if there is no such field.
    fn field(&self, name: &str) -> Option<String>;

    /// Returns the value of a label; empty if the label is absent.
    fn label(&self, key: &str) -> String;
}

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do instead.
    pub hint: String,
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    is_table: bool,
    parts: Vec<Part>,
    /// All fields, for `{{json .}}`.
    fields: &'static [&'static str],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Value, Form),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Field(&'static str),
    Label(String),
    /// All fields as one JSON object.
    Everything,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Json,
    Upper,
    Lower,
}

impl Template {
    /// Parses a template that may name these fields.
    ///
    /// # Errors
    ///
    /// Fails if the text has an unknown field, or a part of Go's language that is not known here.
    pub fn parse(text: &str, fields: &'static [&'static str]) -> Result<Self, TemplateError> {
        let (is_table, text) = match text.strip_prefix("table") {
            Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t', '\\', '{']) => {
                (true, rest.trim_start())
            }
            _ => (false, text),
        };
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        let mut parts = Vec::new();
        let mut rest = &*text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or_else(|| TemplateError {
                message: format!("the template `{text}` has `{{{{` without `}}}}`"),
                hint: "a field is {{.Names}}".to_owned(),
            })?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(action(inside, fields)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if !parts.iter().any(|part| matches!(part, Part::Value(..))) {
            return Err(TemplateError {
                message: format!("the template `{text}` names no field"),
                hint: format!("a field is {{{{.Names}}}}; the fields are {}", fields.join(", ")),
            });
        }
        Ok(Self { is_table, parts, fields })
    }

    /// Whether the template shows any of these fields.
    pub fn needs(&self, names: &[&str]) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Value(Value::Field(name), _) => names.contains(name),
            Part::Value(Value::Everything, _) => true,
            _ => false,
        })
    }

    /// Returns a line for each row, after a header if the template is a table.
    pub fn lines(&self, rows: &[impl Fields]) -> Vec<String> {
        let lines: Vec<String> = rows.iter().map(|row| self.line(row)).collect();
        if !self.is_table {
            return lines;
        }
        let header = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(Value::Field(name), _) => header(name),
            Part::Value(Value::Label(key), _) => escape::label(key).to_uppercase(),
            Part::Value(Value::Everything, _) => String::new(),
        });
        aligned(&std::iter::once(header.collect()).chain(lines).collect::<Vec<_>>())
    }

    fn line(&self, row: &impl Fields) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(value, form) => self.value(value, *form, row),
        };
        self.parts.iter().map(part).collect()
    }

    fn value(&self, value: &Value, form: Form, row: &impl Fields) -> String {
        let text = match value {
            Value::Field(name) => row.field(name).unwrap_or_default(),
            Value::Label(key) => row.label(key),
            Value::Everything => {
                let entry = |name: &&str| {
                    format!("{}:{}", json(name), json(&row.field(name).unwrap_or_default()))
                };
                return format!(
                    "{{{}}}",
                    self.fields.iter().map(entry).collect::<Vec<_>>().join(",")
                );
            }
        };
        match form {
            Form::Plain => escape::label(&text).into_owned(),
            Form::Json => json(&text),
            Form::Upper => escape::label(&text.to_uppercase()).into_owned(),
            Form::Lower => escape::label(&text.to_lowercase()).into_owned(),
        }
    }
}

/// Parses what stands between `{{` and `}}`.
fn action(inside: &str, fields: &'static [&'static str]) -> Result<Part, TemplateError> {
    let unknown = |what: &str| {
        TemplateError {
        message: format!("`{{{{{inside}}}}}`: {what}"),
        hint:
            "a template has fields ({{.Names}}), {{.Label \"KEY\"}}, and json, upper and lower before them; for more, \
               --format json gives jq what it needs"
                .to_owned(),
    }
    };
    // A label's key may contain blanks.
    let (head, key) = match inside.split_once('"') {
        Some((head, rest)) => {
            let key = rest.trim_end().strip_suffix('"').filter(|key| !key.contains(['"', '\\']));
            (head, Some(key.ok_or_else(|| unknown("the quotes do not match"))?))
        }
        None => (inside, None),
    };
    let words: Vec<&str> = head.split_whitespace().collect();
    let (form, operand) = match &words[..] {
        [operand] => (Form::Plain, *operand),
        ["json", operand] => (Form::Json, *operand),
        ["upper", operand] => (Form::Upper, *operand),
        ["lower", operand] => (Form::Lower, *operand),
        [] => return Err(unknown("nothing is named")),
        [function, ..] => return Err(unknown(&format!("`{function}` is not known here"))),
    };
    let name = match (operand, key) {
        (".Label", Some(key)) => return Ok(Part::Value(Value::Label(key.to_owned()), form)),
        (_, Some(_)) => return Err(unknown("only .Label takes a text")),
        (".", None) if form == Form::Json => return Ok(Part::Value(Value::Everything, form)),
        (".", None) => return Err(unknown("`.` alone is for json: {{json .}}")),
        (operand, None) => operand
            .strip_prefix('.')
            .ok_or_else(|| unknown(&format!("`{operand}` is not known here")))?,
    };
    let known = fields.iter().find(|field| **field == name);
    let field = known.ok_or_else(|| {
        let meant = fields.iter().find(|field| field.eq_ignore_ascii_case(name));
        TemplateError {
            message: format!("`{{{{{inside}}}}}`: there is no field `.{name}`"),
            hint: match meant {
                Some(meant) => format!("did you mean .{meant}?"),
                None => format!("the fields are {}", fields.join(", ")),
            },
        }
    })?;
    Ok(Part::Value(Value::Field(field), form))
}

/// Returns the header of a field, as docker writes it.
fn header(field: &str) -> String {
    match field {
        "ID" => return "CONTAINER ID".to_owned(),
        "RunningFor" => return "CREATED".to_owned(),
        _ => {}
    }
    let mut header = String::new();
    for character in field.chars() {
        if character.is_uppercase() && !header.is_empty() {
            header.push(' ');
        }
        header.extend(character.to_uppercase());
    }
    header
}

/// Aligns the cells of lines, which tabs separate.
fn aligned(lines: &[String]) -> Vec<String> {
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        // The last cell of a line needs no room.
        let cells =
            rows.iter().filter(|row| row.len() > column + 1).map(|row| row[column].width() + GAP);
        cells.max().unwrap_or_default().max(NARROWEST)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<&str>| {
        let mut text = String::new();
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.push_str(&" ".repeat(widths[column].saturating_sub(cell.width())));
            }
        }
        text
    };
    rows.iter().map(line).collect()
}

/// Returns a text as a JSON string. Nothing in it can control a terminal.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    escape::json(&quoted).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["ID", "Names", "RunningFor"];

    struct Row(&'static str);

    impl Fields for Row {
        fn field(&self, name: &str) -> Option<String> {
            match name {
                "ID" => Some("0a1b".to_owned()),
                "Names" => Some(self.0.to_owned()),
                "RunningFor" => Some("2 hours ago".to_owned()),
                _ => None,
            }
        }

        fn label(&self, key: &str) -> String {
            if key == "a key" { "Value".to_owned() } else { String::new() }
        }
    }

    fn shown(template: &str) -> String {
        Template::parse(template, FIELDS)
            .unwrap()
            .lines(&[Row("web"), Row("a-long-name")])
            .join("\n")
    }

    #[test]
    fn templates_are_filled_in() {
        for (template, first) in [
            ("{{.Names}}", "web"),
            ("{{ .Names }}: {{.ID}}", "web: 0a1b"),
            ("{{.Names}}\\t{{.ID}}", "web\t0a1b"),
            ("{{upper .Names}}", "WEB"),
            ("{{lower (.Names)}}", ""),
            ("{{json .Names}}", "\"web\""),
            ("{{json .}}", r#"{"ID":"0a1b","Names":"web","RunningFor":"2 hours ago"}"#),
            ("{{.Label \"a key\"}}", "Value"),
            ("[{{.Label \"none\"}}]", "[]"),
            ("tables: {{.ID}}", "tables: 0a1b"),
        ] {
            if first.is_empty() {
                assert!(Template::parse(template, FIELDS).is_err(), "{template}");
            } else {
                assert_eq!(shown(template).lines().next(), Some(first), "{template}");
            }
        }
    }

    #[test]
    fn tables_are_aligned_as_docker_aligns_them() {
        assert_eq!(
            shown("table {{.Names}}\\t{{.ID}}\\t{{.RunningFor}}"),
            "NAMES         CONTAINER ID   CREATED\nweb           0a1b           2 hours ago\na-long-name   0a1b           2 hours ago"
        );
        assert_eq!(shown("table {{.ID}}"), "CONTAINER ID\n0a1b\n0a1b");
        assert_eq!(header("LocalVolumes"), "LOCAL VOLUMES");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (template, words) in [
            ("{{.Name}}", "there is no field `.Name`"),
            ("{{.Names", "without `}}`"),
            ("{{if .Names}}x{{end}}", "`if` is not known here"),
            ("{{.Names | upper}}", "is not known here"),
            ("{{range .}}", "`range` is not known here"),
            ("{{Names}}", "`Names` is not known here"),
            ("{{}}", "nothing is named"),
            ("{{.}}", "`.` alone is for json"),
            ("{{.Label \"a}}", "the quotes do not match"),
            ("{{.Names \"a\"}}", "only .Label takes a text"),
            ("plain", "names no field"),
            ("", "names no field"),
            ("table", "names no field"),
        ] {
            let error = Template::parse(template, FIELDS).unwrap_err();
            assert!(error.message.contains(words), "{template}: {}", error.message);
            assert!(!error.hint.is_empty());
        }
        assert_eq!(Template::parse("{{.names}}", FIELDS).unwrap_err().hint, "did you mean .Names?");
    }

    #[test]
    fn values_cannot_drive_the_terminal() {
        let hostile = [Row("\u{1b}[2J\n\u{9b}2J\u{7f}\"")];
        for template in ["{{.Names}}", "{{json .Names}}", "{{json .}}", "{{upper .Names}}"] {
            let text = Template::parse(template, FIELDS).unwrap().lines(&hostile).concat();
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn needed_fields_are_known() {
        let needs = |template: &str| Template::parse(template, FIELDS).unwrap().needs(&["ID"]);
        assert!(needs("{{.ID}}") && needs("{{json .}}") && needs("{{upper .ID}}"));
        assert!(!needs("{{.Names}}"));
    }
}
