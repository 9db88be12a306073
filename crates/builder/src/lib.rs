//! Makes the production image and its debug twin from static binaries.
