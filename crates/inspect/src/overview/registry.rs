//! What the registries of images tell of containers, for a platform that shows no images.
//!
//! A list must not wait for registries, nor ask them for much: there are limits for the time, the
//! number of images and their size. What is beyond them is unknown.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use scratchdbg_backend::ContainerRecord;
use scratchdbg_diagnose::rules::image::has_shell;
use scratchdbg_image::Platform;
use scratchdbg_image::read::StoredImage;

use crate::blocking::blocking;
use crate::lookups;
use crate::open::OpenImage;
use crate::twin::{find_both, is_for};
use crate::{Error, NoTwin, RunningImage, Sources, stored};

/// The number of images that are looked at.
const MOST_IMAGES: usize = 16;

/// The time limit for all images together.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The largest image whose files are fetched, compressed. Images without a shell are small.
const LARGEST_IMAGE: u64 = 16 << 20;

/// What debug twins must contain.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The platform that sessions have tools for.
    pub platform: Platform,
    /// The launcher.
    pub launcher: &'static [u8],
}

/// What is known of an image. `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) shell: Option<bool>,
    pub(crate) twin: Option<bool>,
}

/// Looks at the images of containers. The key is the image's name and id.
pub(crate) async fn look<'a>(
    records: &'a [ContainerRecord],
    sources: &impl Sources,
    tools: &Tools,
) -> HashMap<(&'a str, &'a str), Seen> {
    lookups::within(TIME_LIMIT, images(records), async |(name, id): (&'a str, &'a str)| {
        ((name, id), image(name, id, sources, tools).await)
    })
    .await
}

/// Returns the images that are looked at: those of the first containers that have one.
fn images(records: &[ContainerRecord]) -> Vec<(&str, &str)> {
    let mut known = BTreeSet::new();
    records
        .iter()
        .map(|record| (&*record.image, &*record.image_id))
        .filter(|(name, id)| !name.is_empty() && !id.is_empty())
        .filter(|image| known.insert(*image))
        .take(MOST_IMAGES)
        .collect()
}

async fn image(name: &str, id: &str, sources: &impl Sources, tools: &Tools) -> Seen {
    let running = RunningImage { name: name.to_owned(), id: id.to_owned() };
    let both = find_both(&running, &tools.platform, tools.launcher, sources).await;
    let Ok((production, twin)) = both else { return Seen::default() };
    // The registry answered: a twin that cannot be read there is none that a session would use.
    let twin = match twin {
        // The name is another image's by now, and so says nothing about the one that runs.
        Err(NoTwin::Moved { .. }) => return Seen { shell: None, twin: Some(false) },
        twin => twin.is_ok(),
    };
    let platform = tools.platform.clone();
    let shell = blocking(move || shell(&production, &platform)).await.ok().flatten();
    Seen { shell, twin: Some(twin) }
}

/// Whether an image has a shell. Blocking.
fn shell(opened: &OpenImage, platform: &Platform) -> Result<Option<bool>, Error> {
    let images = opened.images()?;
    let chosen = match &images[..] {
        [one] => Some(one),
        several => several.iter().find(|image: &&StoredImage| is_for(image, platform)),
    };
    let Some(image) = chosen else { return Ok(None) };
    if image.layers.iter().map(|layer| layer.size).sum::<u64>() > LARGEST_IMAGE {
        return Ok(None);
    }
    let contents = stored::read(&opened.source, image, Clone::clone);
    let contents = contents.map_err(|error| opened.explain(error))?;
    Ok(contents.ok().and_then(|contents| has_shell(&contents.config, &contents.rootfs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_is_looked_at_once_and_not_too_many_are() {
        let record = |image: &str, id: &str| ContainerRecord {
            image: image.to_owned(),
            image_id: id.to_owned(),
            ..ContainerRecord::default()
        };
        let mut records = vec![record("a:1", "x"), record("a:1", "x"), record("b:1", "")];
        records.push(record("a:1", "y"));
        assert_eq!(images(&records), [("a:1", "x"), ("a:1", "y")]);
        records.extend((0..100).map(|number| record("c:1", &number.to_string())));
        assert_eq!(images(&records).len(), MOST_IMAGES);
    }
}
