//! Push and pull of images, with Docker's credentials.
