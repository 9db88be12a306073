//! What holds for every file: however it is cut, and whatever is damaged.

use proptest::prelude::*;

use super::*;
use crate::frame::tests::cut;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn recorded_files_read_the_same_however_they_are_cut(sizes in proptest::collection::vec(0_usize..20_000, 0..20)) {
        for (format, file) in [(FileFormat::JsonFile, JSON_FILE), (FileFormat::Local, LOCAL)] {
            prop_assert_eq!(read(format, false, &cut(file, &sizes)), read(format, false, &[file]));
        }
    }

    #[test]
    fn what_docker_writes_is_read(texts in proptest::collection::vec("\\PC{0,30}|[ -~\t\r\u{0}\u{7f}]{0,30}", 0..8)) {
        let file: String = texts.iter().map(|text| json(&format!("{text}\n"), "stdout")).collect();
        let want: Vec<_> = texts.iter().map(|text| line(Stream::Stdout, text, Ending::Lf)).collect();
        prop_assert_eq!(read(FileFormat::JsonFile, false, &[file.as_bytes()]), Read { lines: want, ..Read::default() });
    }

    /// 40: overwrites or removes a part of a file. All lines outside of that part must come out
    /// once and in order.
    #[test]
    fn damage_takes_no_line_but_its_own(
        damage in prop_oneof![
            (1_usize..400).prop_map(|len| vec![0; len]),
            proptest::collection::vec(any::<u8>(), 0..200),
        ],
        at in 0.0..1.0,
        gone in 0_usize..400,
        is_json in any::<bool>(),
        sizes in proptest::collection::vec(0_usize..500, 0..8),
    ) {
        let format = if is_json { FileFormat::JsonFile } else { FileFormat::Local };
        let records: Vec<Vec<u8>> = (0..30)
            .map(|number| format!("line {number}"))
            .map(|text| if is_json { json(&format!("{text}\n"), "stdout").into_bytes() } else { local(&text) })
            .collect();
        let file = records.concat();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let from = (at * file.len() as f64) as usize;
        let to = (from + gone).min(file.len());
        let damaged = [&file[..from], &damage, &file[to..]].concat();
        let got = read(format, false, &cut(&damaged, &sizes));
        let mut begin = 0;
        let mut want = Vec::new();
        for (number, record) in records.iter().enumerate() {
            let end = begin + record.len();
            if end <= from || begin >= to {
                want.push(format!("line {number}"));
            }
            begin = end;
        }
        let texts: Vec<_> = got.lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
        let mut rest = texts.iter();
        for line in &want {
            prop_assert!(rest.any(|text| text == line), "{line} of {want:?} in {texts:?}");
        }
        // What is left of a record before the damage, and one behind it whose beginning is gone.
        prop_assert!(texts.len() <= want.len() + 2, "{want:?} in {texts:?}");
        prop_assert!(got.holes.len() <= 2, "{:?}", got.holes);
    }

    #[test]
    fn garbage_never_panics(
        input in proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'\n'), Just(b'"'), any::<u8>()], 0..200),
        at in 0_usize..200,
        sizes in proptest::collection::vec(0_usize..50, 0..8),
    ) {
        for (format, file) in [(FileFormat::JsonFile, JSON_FILE), (FileFormat::Local, LOCAL)] {
            let input = [&file[..at], &input, file].concat();
            prop_assert_eq!(read(format, true, &cut(&input, &sizes)), read(format, true, &[&input]));
        }
    }
}
