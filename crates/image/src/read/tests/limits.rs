//! Indexes without end: nested, or naming the same things repeatedly.

use super::*;

#[test]
fn nested_indexes_have_a_limit() {
    let store = Store::sample();
    let mut descriptor = store.index()["manifests"][0].clone();
    for depth in 0..8 {
        let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
        store.set_index(&index);
        let result = ImageSource::layout(store.root()).unwrap().images();
        assert_eq!(result.is_ok(), depth < 4, "{depth}");
        descriptor =
            store.put(index.to_string().as_bytes(), "application/vnd.oci.image.index.v1+json");
    }
    assert!(store.error().contains("too deep, or a cycle"), "{}", store.error());
}

#[test]
fn indexes_that_name_the_same_over_and_over_are_refused() {
    let store = Store::sample();
    let mut descriptor = store.index()["manifests"][0].clone();
    // Of a thousand names each: a billion at the end.
    for _ in 0..3 {
        let index = json!({"schemaVersion": 2, "manifests": vec![descriptor; 1000]});
        descriptor =
            store.put(index.to_string().as_bytes(), "application/vnd.oci.image.index.v1+json");
    }
    store.set_index(&json!({"schemaVersion": 2, "manifests": [descriptor]}));
    let error = store.error();
    assert!(
        error.contains("more than 64 MiB in all") || error.contains("more than 100,000 images"),
        "{error}"
    );
    // One image with a thousand names is one image.
    let mut descriptor = store.sample_descriptor();
    let names: Vec<_> = (0..1000)
        .map(|name| {
            descriptor["annotations"] =
                json!({"org.opencontainers.image.ref.name": format!("n{name}")});
            descriptor.clone()
        })
        .collect();
    store.set_index(&json!({"schemaVersion": 2, "manifests": names}));
    let images = ImageSource::layout(store.root()).unwrap().images().unwrap();
    assert_eq!((images.len(), images[0].names.len()), (1, 1000));
}
