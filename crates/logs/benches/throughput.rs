//! Measures how many bytes of log input per second one core processes:
//! `cargo bench -p scratchdbg-logs`. Each number is the best of five rounds.

use std::hint::black_box;
use std::time::Instant;

use scratchdbg_logs::file::{FileDecoder, FileEvent, FileFormat};
use scratchdbg_logs::line::Joining;
use scratchdbg_logs::query::{Query, QuerySpec};
use scratchdbg_logs::render::{Entry, Format, Renderer, Style};
use scratchdbg_logs::{Event, Framing, Level, Line, LineOptions, LogDecoder};

const LINES: usize = 400_000;

/// The largest chunk of a hyper body.
const CHUNK: usize = 64 << 10;

fn main() {
    let plain = |number: usize| {
        format!(
            "2026-11-23 07:01:20,{:03} INFO  [worker-{}] c.e.shop.Orders - order {number} accepted for customer {}, total {}.{:02} EUR in {} ms",
            number % 1000,
            number % 8,
            number * 7,
            number % 900,
            number % 100,
            number % 350
        )
    };
    let json = |number: usize| {
        format!(
            r#"{{"time":1795417280{:03},"pid":1,"hostname":"web","name":"shop","level":{},"req":{{"method":"GET","url":"/orders/{number}"}},"msg":"order accepted","ms":{}}}"#,
            number % 1000,
            [30, 30, 30, 20, 40, 50][number % 6],
            number % 350
        )
    };
    let plain: Vec<String> = (0..LINES).map(plain).collect();
    let json: Vec<String> = (0..LINES).map(json).collect();
    let grep = query(&QuerySpec { grep: vec!["order 399999 ".into()], ..QuerySpec::default() });
    let level = query(&QuerySpec { level: Some(Level::Error), ..QuerySpec::default() });
    let field = query(&QuerySpec { fields: vec!["ms>348".into()], ..QuerySpec::default() });

    let stream = |lines: &[String], timestamps: bool| {
        let prefix = if timestamps { "2026-11-23T07:01:20.422028881Z " } else { "" };
        let mut out = Vec::new();
        for line in lines {
            let record = format!("{prefix}{line}\n");
            let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&[1, 0, 0, 0]);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(record.as_bytes());
        }
        out
    };
    let file = |lines: &[String]| {
        let record = |line: &String| {
            let log = line.replace('\\', "\\\\").replace('"', "\\\"");
            format!(
                "{{\"log\":\"{log}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T07:01:20.422028881Z\"}}\n"
            )
        };
        lines.iter().map(record).collect::<String>().into_bytes()
    };

    let text: Vec<u8> = plain.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect();
    measure("filter alone, plain substring", &text, || {
        let lines = text.split(|byte| *byte == b'\n');
        lines.filter(|line| grep.matches_text(line)).count()
    });
    let text: Vec<u8> = json.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect();
    measure("filter alone, level of JSON", &text, || {
        text.split(|byte| *byte == b'\n').filter(|line| level.matches_text(line)).count()
    });
    measure("filter alone, field of JSON", &text, || {
        text.split(|byte| *byte == b'\n').filter(|line| field.matches_text(line)).count()
    });
    let input = stream(&plain, false);
    measure("stream, plain substring", &input, || decode(&input, false, &grep));
    let input = stream(&plain, true);
    measure("stream with timestamps, plain substring", &input, || decode(&input, true, &grep));
    let input = stream(&json, false);
    measure("stream, level of JSON", &input, || decode(&input, false, &level));
    let input = file(&plain);
    measure("json-file, plain substring", &input, || decode_file(&input, &grep));
    let input = file(&json);
    measure("json-file of JSON lines, level", &input, || decode_file(&input, &level));
    let input = stream(&plain, false);
    measure("stream to a terminal", &input, || render(&input, Format::Text));
    measure("stream to JSON lines", &input, || render(&input, Format::Json));
}

fn query(spec: &QuerySpec) -> Query {
    Query::new(spec).unwrap_or_else(|error| panic!("{error}"))
}

fn measure(name: &str, input: &[u8], mut work: impl FnMut() -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate to three digits")]
    let rate = input.len() as f64 / best / 1e6;
    #[expect(clippy::print_stdout, reason = "the result")]
    {
        println!("{name:42} {rate:8.0} MB/s");
    }
}

fn for_lines(input: &[u8], timestamps: bool, mut each: impl FnMut(&Line<'_>)) {
    let options = LineOptions {
        framing: Framing::Multiplexed,
        joining: Joining::Docker,
        timestamps,
        max_line: LineOptions::MAX_LINE,
        in_parts: false,
    };
    let mut decoder = LogDecoder::new(options);
    for chunk in input.chunks(CHUNK) {
        let mut events = decoder.push(chunk);
        while let Ok(Some(event)) = events.next() {
            if let Event::Line(line) = event {
                each(&line);
            }
        }
    }
}

fn decode(input: &[u8], timestamps: bool, query: &Query) -> usize {
    let mut count = 0;
    for_lines(input, timestamps, |line| count += usize::from(query.matches(line)));
    count
}

fn decode_file(input: &[u8], query: &Query) -> usize {
    let mut decoder = FileDecoder::new(FileFormat::JsonFile, false, LineOptions::MAX_LINE);
    let mut count = 0;
    for chunk in input.chunks(CHUNK) {
        decoder.push(chunk, |event| {
            if let FileEvent::Line(line) = event {
                count += usize::from(query.matches(&line));
            }
        });
    }
    count
}

fn render(input: &[u8], format: Format) -> usize {
    let style =
        Style { format, timestamps: false, terminal: true, color: true, highlight: Vec::new() };
    let mut renderer = Renderer::new(style);
    let (mut out, mut total) = (Vec::new(), 0);
    for_lines(input, false, |line| {
        renderer.render(&mut out, &Entry { container: "web", prefix: "web | ", line });
        total += out.len();
        out.clear();
    });
    total
}
