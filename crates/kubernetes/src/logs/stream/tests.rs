use super::*;

#[test]
fn requests_for_logs() {
    let id: ContainerId = "shop_web_app".parse().unwrap();
    let since = Some("2026-11-27T03:00:05.5Z".parse().unwrap());
    let path = |request: &LogRequest, part, tail, after: Option<&str>| {
        let after = after.map(|at| at.parse().unwrap());
        call(&id, request, part, tail, after).path().split_once("log?").unwrap().1.to_owned()
    };
    let whole = LogRequest::default();
    assert_eq!(path(&whole, Part::Current, None, None), "container=app&timestamps=true");
    let followed = LogRequest { follow: true, since, ..LogRequest::default() };
    assert_eq!(
        path(&followed, Part::Current, None, None),
        "container=app&timestamps=true&follow=true&sinceTime=2026-11-27T03%3A00%3A04Z"
    );
    assert_eq!(
        path(&followed, Part::Previous, None, None),
        "container=app&timestamps=true&previous=true&sinceTime=2026-11-27T03%3A00%3A04Z"
    );
    assert_eq!(
        path(&followed, Part::Current, Some(9), Some("2026-11-27T03:00:09.9Z")),
        "container=app&timestamps=true&follow=true&tailLines=9&sinceTime=2026-11-27T03%3A00%3A08Z"
    );
}
