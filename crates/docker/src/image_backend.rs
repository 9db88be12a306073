//! Implements [`ImageBackend`] for Docker and Podman.

use std::collections::BTreeSet;
use std::io::Write;

use futures_util::StreamExt as _;
use hyper::Method;
use scratchdbg_backend::{BoxError, Error, ImageBackend, ImageRecord};
use serde_json::Value;

use crate::files::percent_encode;
use crate::transport::full;
use crate::{Engine, Twin};

impl ImageBackend for Engine {
    async fn image_record(&self, reference: &str) -> Result<Option<ImageRecord>, Error> {
        Ok(self.raw_image(reference).await?.as_ref().map(record))
    }

    async fn save_image(
        &self,
        reference: &str,
        sink: &mut (dyn Write + Send),
    ) -> Result<(), Error> {
        let path = format!("/images/{}/get", percent_encode(reference));
        let mut pieces =
            self.transport.stream(self.transport.request(Method::GET, &path, full(""))?).await?;
        while let Some(piece) = pieces.next().await {
            let written = sink.write_all(&piece.map_err(Error::from)?);
            written
                .map_err(|error| crate::Error::transport("writing a copy of the image", error))?;
        }
        Ok(())
    }

    async fn load_image<E: Into<BoxError>>(
        &self,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error> {
        Ok(self.load(produce).await?)
    }

    async fn with_twins(
        &self,
        images: &[&str],
        tools: impl Future<Output = Option<String>>,
    ) -> Result<BTreeSet<String>, Error> {
        let twins = self.twins_of(images, async || tools.await).await?;
        Ok(twins
            .into_iter()
            .filter(|(_, twin)| matches!(twin, Twin::Proved(_)))
            .map(|(image, _)| image)
            .collect())
    }
}

fn record(told: &Value) -> ImageRecord {
    let layers = told["RootFS"]["Layers"].as_array().into_iter().flatten();
    let layers = layers.filter_map(|layer| layer.as_str().map(ToOwned::to_owned)).collect();
    ImageRecord { layers, size: told["Size"].as_u64().filter(|size| *size > 0) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layers_and_sizes_are_read_where_the_engine_tells_them() {
        for (told, layers) in [
            (
                json!({"RootFS": {"Type": "layers", "Layers": ["sha256:1", "sha256:2"]}}),
                &["sha256:1", "sha256:2"][..],
            ),
            (json!({"RootFS": {"Type": "layers"}}), &[]),
            (json!({"RootFS": null}), &[]),
            (json!([]), &[]),
        ] {
            assert_eq!(record(&told).layers, layers, "{told}");
        }
        for (told, size) in [
            (json!({"Size": 7}), Some(7)),
            (json!({"Size": 0}), None),
            (json!({"Size": -1}), None),
            (json!([]), None),
        ] {
            assert_eq!(record(&told).size, size, "{told}");
        }
    }
}
