use super::*;

fn toolkits(entries: &[(&str, &[&str])]) -> Result<Toolkits, String> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let table = entries.iter().map(|&(name, texts)| (name.to_owned(), owned(texts))).collect();
    Toolkits::new(table, Some("/home/me"))
}

fn sample() -> Toolkits {
    toolkits(&[
        ("net", &["r.example/net:1"]),
        ("db", &["db/tools"]),
        ("curl", &["/opt/curl"]),
        ("mine", &["~/tools", "/opt/curl"]),
        ("both", &["r.example/net:1", "/opt/strace"]),
    ])
    .unwrap()
}

fn resolved(toolkit: Option<&str>, with: &[&str]) -> Result<(Base, Vec<String>), Unresolved> {
    let with: Vec<String> = with.iter().map(|&name| name.to_owned()).collect();
    let tools = sample().resolve(toolkit, &with, None)?;
    let paths = tools.paths.iter().map(|path| path.display().to_string()).collect();
    Ok((tools.base, paths))
}

#[test]
fn names_are_resolved_and_added_up() {
    let net = || Base::Image("r.example/net:1".to_owned());
    let named = |text: &str| Base::Named(text.to_owned());
    let cases = [
        (None, &[][..], Base::Default, &[][..]),
        (Some("net"), &[], net(), &[]),
        (Some("curl"), &[], Base::Default, &["/opt/curl"]),
        (Some("busybox:musl"), &[], named("busybox:musl"), &[]),
        (Some("./net"), &[], named("./net"), &[]),
        (Some(""), &[], named(""), &[]),
        (None, &["curl", "./a/b", "curl"], Base::Default, &["/opt/curl", "./a/b"]),
        (None, &["mine"], Base::Default, &["/home/me/tools", "/opt/curl"]),
        (None, &["net", "curl"], net(), &["/opt/curl"]),
        (Some("net"), &["both"], net(), &["/opt/strace"]),
        (Some("x:1"), &["curl"], named("x:1"), &["/opt/curl"]),
    ];
    for (toolkit, with, base, paths) in cases {
        let expected = (base, paths.iter().map(|&path| path.to_owned()).collect());
        assert_eq!(resolved(toolkit, with), Ok(expected), "{toolkit:?} {with:?}");
    }
}

#[test]
fn a_default_gives_way_to_a_toolkit_and_to_an_image() {
    let base = |toolkit, with: &[&str], default| {
        let with: Vec<String> = with.iter().map(|&name| name.to_owned()).collect();
        sample().resolve(toolkit, &with, Some(default)).map(|tools| tools.base)
    };
    let named = |text: &str| Ok(Base::Named(text.to_owned()));
    assert_eq!(base(None, &[], "x:1"), named("x:1"));
    assert_eq!(base(None, &["curl"], "x:1"), named("x:1"));
    assert_eq!(base(Some("y:1"), &[], "x:1"), named("y:1"));
    assert_eq!(base(Some("curl"), &[], "x:1"), Ok(Base::Default));
    assert_eq!(base(None, &["net"], "x:1"), Ok(Base::Image("r.example/net:1".to_owned())));
}

#[test]
fn what_is_not_known_is_told_with_what_to_do() {
    let error = resolved(None, &["strace"]).unwrap_err();
    assert_eq!(error.to_string(), "--with-tools strace: no tool of this name is known");
    let hints = error.hints("/c/config.toml").join("\n");
    for part in
        ["both, curl, db, mine, net", "/c/config.toml: `toolkits.strace = ", "./strace", "IMAGE"]
    {
        assert!(hints.contains(part), "{part}: {hints}");
    }
    let error = resolved(None, &["a\nb", ""]).unwrap_err();
    assert!(!error.to_string().contains('\n'));
    assert!(error.hints("f").concat().contains("toolkits.NAME"));
    assert!(resolved(None, &[""]).is_err(), "an empty name is none");
    let error = resolved(Some("net"), &["db"]).unwrap_err().to_string();
    assert_eq!(error, "r.example/net:1 and db/tools cannot both be the image of a session");
    assert!(resolved(Some("other:1"), &["net"]).is_err());
}

#[test]
fn a_pod_needs_an_image() {
    let image = |toolkit, with: &[String]| {
        let tools = sample().resolve(toolkit, with, None)?;
        tools.image().map(|image| image.map(str::to_owned))
    };
    assert_eq!(image(None, &[]), Ok(None));
    assert_eq!(image(Some("net"), &[]), Ok(Some("r.example/net:1".to_owned())));
    assert_eq!(image(Some("x:1"), &[]), Ok(Some("x:1".to_owned())));
    let error = image(Some("net"), &["curl".to_owned()]).unwrap_err();
    assert!(error.to_string().starts_with("/opt/curl is on this machine"), "{error}");
    assert!(error.hints("f").concat().contains("scratchdbg toolkit build"));
    assert_eq!(sample().image("net"), Ok("r.example/net:1"));
    assert_eq!(sample().image("x:1"), Ok("x:1"));
    assert!(sample().image("curl").is_err());
}

#[test]
fn a_table_that_cannot_be_meant_is_refused() {
    for (name, texts, part) in [
        ("a b", &["/x"][..], "`a b` is no name"),
        ("", &["/x"], "is no name"),
        ("-a", &["/x"], "is no name"),
        ("a/b", &["/x"], "is no name"),
        ("a", &[], "toolkits.a: it has paths"),
        ("a", &["x:1", "y:1"], "one image at most"),
        ("a", &["./x"], "`./x` is neither"),
        ("a", &[""], "is neither"),
        ("a", &["~x/y"], "is neither"),
    ] {
        let error = toolkits(&[(name, texts)]).unwrap_err();
        assert!(error.contains(part), "{name}: {error}");
    }
    let table = [("a".to_owned(), vec!["~/x".to_owned()])].into();
    assert!(Toolkits::new(table, None).unwrap_err().contains("HOME is not set"));
}
