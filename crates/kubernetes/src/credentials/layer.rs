//! Adds credentials to requests.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::header::AUTHORIZATION;
use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use tower::Layer;
use tower_service::Service;

use super::Credentials;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Adds the credentials of a connection to its requests.
pub(crate) struct AuthorizationLayer(pub(crate) Credentials);

impl<S> Layer<S> for AuthorizationLayer {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Authorized<S> {
        Authorized { inner, credentials: self.0.clone() }
    }
}

/// A client whose requests have credentials. If they are refused and can be had anew, the request
/// is sent once more.
#[derive(Clone)]
pub(crate) struct Authorized<S> {
    inner: S,
    credentials: Credentials,
}

impl<S, B> Service<Request<Body>> for Authorized<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<Error>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let credentials = self.credentials.clone();
        // The clone is not ready; the service itself is.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let header = credentials.header().await?;
            if let Some(header) = &header {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            let again = copy(&request).filter(|_| credentials.may_change());
            let answer = inner.call(request).await.map_err(Into::into)?;
            let Some(mut again) = again.filter(|_| answer.status() == StatusCode::UNAUTHORIZED)
            else {
                return Ok(answer);
            };
            let other = credentials.replace(header.as_ref()).await;
            if other == header {
                return Ok(answer);
            }
            drop(answer);
            again.headers_mut().remove(AUTHORIZATION);
            if let Some(header) = other {
                again.headers_mut().insert(AUTHORIZATION, header);
            }
            std::future::poll_fn(|context| inner.poll_ready(context)).await.map_err(Into::into)?;
            inner.call(again).await.map_err(Into::into)
        })
    }
}

/// Copies a request whose body is in memory.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}
