//! Tests of the frame decoder, and helpers that the tests of lines share.

use proptest::prelude::*;

use super::*;

pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The decoded stream, with adjacent pieces of one frame joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    frames: Vec<(Stream, Vec<u8>)>,
    unfinished: bool,
    daemon_errors: Vec<String>,
    error: Option<FrameError>,
}

fn decode(framing: Framing, chunks: &[&[u8]]) -> Decoded {
    let mut decoder = FrameDecoder::new(framing);
    let mut out = Decoded::default();
    'stream: for chunk in chunks {
        let mut chunk = *chunk;
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(FrameEvent::Data(piece))) => {
                    if piece.starts_frame || out.frames.is_empty() {
                        out.frames.push((piece.stream, Vec::new()));
                    }
                    out.frames.last_mut().unwrap().1.extend_from_slice(piece.payload);
                    out.unfinished = !piece.ends_frame;
                }
                Ok(Some(FrameEvent::DaemonError(text))) => out.daemon_errors.push(text),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut &b"more"[..]), Err(error));
                    break 'stream;
                }
            }
        }
    }
    out.error = decoder.finish().err();
    out
}

#[test]
fn fault_cases() {
    let good = frame(1, b"good\n");
    let out = (Stream::Stdout, b"good\n".to_vec());
    let header = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).unwrap();
    let cases: Vec<(&str, Vec<u8>, Decoded)> = vec![
        ("empty stream", vec![], Decoded::default()),
        (
            "the three streams and an empty frame",
            [frame(0, b"i"), frame(1, b""), frame(2, b"e")].concat(),
            Decoded {
                frames: vec![
                    (Stream::Stdin, b"i".to_vec()),
                    (Stream::Stdout, vec![]),
                    (Stream::Stderr, b"e".to_vec()),
                ],
                ..Decoded::default()
            },
        ),
        (
            "27: an error of the daemon in the middle, and a line after it",
            [good.clone(), frame(3, b"Error grabbing logs: boom\n"), good.clone()].concat(),
            Decoded {
                frames: vec![out.clone(), out.clone()],
                daemon_errors: vec!["Error grabbing logs: boom".into()],
                ..Decoded::default()
            },
        ),
        (
            "27: an empty error of the daemon",
            frame(3, b""),
            Decoded { daemon_errors: vec![String::new()], ..Decoded::default() },
        ),
        (
            "27: an error of the daemon that breaks off",
            [good.clone(), frame(3, b"boom\n")[..10].to_vec()].concat(),
            Decoded {
                frames: vec![out.clone()],
                error: Some(FrameError::TruncatedDaemonError {
                    got: 2,
                    length: 5,
                    message: "bo".into(),
                }),
                ..Decoded::default()
            },
        ),
        (
            "28: truncated header",
            [good.clone(), vec![1, 0, 0, 0]].concat(),
            Decoded {
                frames: vec![out.clone()],
                error: Some(FrameError::TruncatedHeader { got: 4 }),
                ..Decoded::default()
            },
        ),
        (
            "28: truncated payload",
            [good.clone(), frame(2, b"0123456789")[..12].to_vec()].concat(),
            Decoded {
                frames: vec![out.clone(), (Stream::Stderr, b"0123".to_vec())],
                unfinished: true,
                error: Some(FrameError::TruncatedPayload { got: 4, length: 10 }),
                ..Decoded::default()
            },
        ),
        (
            "29: length 0x7fffffff",
            [good.clone(), vec![1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, b'x']].concat(),
            Decoded {
                frames: vec![out.clone()],
                error: Some(FrameError::TooLong { length: 0x7fff_ffff }),
                ..Decoded::default()
            },
        ),
        (
            "29: unknown type 9",
            [good.clone(), frame(9, b"x")].concat(),
            Decoded {
                frames: vec![out.clone()],
                error: Some(FrameError::UnknownType {
                    kind: 9,
                    header: header(&[9, 0, 0, 0, 0, 0, 0, 1]),
                }),
                ..Decoded::default()
            },
        ),
        (
            "29: padding that is not zero",
            [good, vec![1, 0, 7, 0, 0, 0, 0, 1, b'x']].concat(),
            Decoded {
                frames: vec![out],
                error: Some(FrameError::BadPadding { header: header(&[1, 0, 7, 0, 0, 0, 0, 1]) }),
                ..Decoded::default()
            },
        ),
    ];
    for (name, input, want) in cases {
        assert_eq!(decode(Framing::Multiplexed, &[&input]), want, "{name}");
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(decode(Framing::Multiplexed, &bytes), want, "{name}, byte by byte");
    }
}

#[test]
fn a_tty_stream_that_looks_like_a_header_is_plain_bytes() {
    for first in [0, 1, 2, 3, 9] {
        let input = [&[first, 0, 0, 0, 0, 0, 0, 3][..], b"abcd"].concat();
        let got = decode(Framing::Raw, &[&input[..3], &input[3..]]);
        assert_eq!(got.frames, [(Stream::Stdout, input.clone())]);
        assert_eq!(got.error, None);
    }
}

#[test]
fn a_long_message_of_the_daemon_is_held_to_its_cap() {
    let input = [frame(3, &vec![b'x'; 1 << 20]), frame(1, b"after")].concat();
    let got = decode(Framing::Multiplexed, &[&input]);
    assert_eq!(got.daemon_errors, ["x".repeat(MAX_DAEMON_ERROR_LEN)]);
    assert_eq!(got.frames, [(Stream::Stdout, b"after".to_vec())]);
}

/// Cuts `input` into pieces of the given sizes, taken modulo the length that is left.
pub(crate) fn cut<'a>(mut input: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for size in sizes {
        let (chunk, rest) = input.split_at(size % (input.len() + 1));
        chunks.push(chunk);
        input = rest;
    }
    chunks.push(input);
    chunks
}

proptest! {
    #[test]
    fn frames_come_back_however_they_are_cut(
        frames in proptest::collection::vec((0_u8..3, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
        sizes in proptest::collection::vec(0_usize..64, 0..12),
    ) {
        let input: Vec<u8> = frames.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
        let streams = [Stream::Stdin, Stream::Stdout, Stream::Stderr];
        let want: Vec<_> = frames.iter().map(|(kind, payload)| (streams[usize::from(*kind)], payload.clone())).collect();
        let got = decode(Framing::Multiplexed, &cut(&input, &sizes));
        prop_assert_eq!(got.frames, want);
        prop_assert_eq!(got.error, None);
    }

    #[test]
    fn garbage_gives_the_same_however_it_is_cut(
        input in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), Just(3), any::<u8>()], 0..80),
        sizes in proptest::collection::vec(0_usize..16, 0..12),
    ) {
        prop_assert_eq!(
            decode(Framing::Multiplexed, &cut(&input, &sizes)),
            decode(Framing::Multiplexed, &[&input])
        );
    }
}

#[test]
fn frames_without_end_that_hold_nothing_are_given_up() {
    let empty = |count| frame(1, b"").repeat(count);
    let most = usize::try_from(MAX_EMPTY_FRAMES).unwrap();
    for between in [1, most] {
        let input = [empty(between), frame(1, b"a"), empty(between)].concat();
        assert_eq!(
            decode(Framing::Multiplexed, &[&input]).error,
            None,
            "{between}: something comes"
        );
    }
    let endless = empty(most + 1);
    assert_eq!(decode(Framing::Multiplexed, &[&endless]).error, Some(FrameError::NothingButFrames));
}
