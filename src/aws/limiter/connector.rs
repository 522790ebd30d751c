//! The HTTP client whose requests wait for their turn.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::{Limiter, Limiters, throttling};

/// Returns an HTTP client that sends what `client` sends, at the rates that these limiters allow.
pub(in crate::aws) fn limited(client: SharedHttpClient, limiters: Limiters) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Limited {
            connector: client.http_connector(settings, components),
            limiters: limiters.clone(),
        })
    })
}

#[derive(Debug)]
struct Limited {
    connector: SharedHttpConnector,
    limiters: Limiters,
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let authorization = request.headers().get("authorization").unwrap_or_default();
        // Requests without a signature load credentials.
        let Some(scope) = scope(authorization) else {
            return self.connector.call(request);
        };
        let limiter = self.limiters.of_scope(scope);
        let connector = self.connector.clone();
        HttpConnectorFuture::new(send(limiter, connector, request))
    }
}

async fn send(
    limiter: Arc<Limiter>,
    connector: SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let is_head = request.method() == "HEAD";
    let attempt = request.headers().get("amz-sdk-request");
    let is_repeated = attempt.is_some_and(|attempt| !attempt.contains("attempt=1;"));
    let turn = limiter.turn(is_repeated).await;
    let (sent, has_waited) = (turn.sent, turn.has_waited);
    let answer = connector.call(request).await?;
    let noted = Arc::clone(&limiter);
    Ok(throttling::examine(is_head, answer, move |is_throttled| {
        if is_throttled {
            noted.note_throttling(sent);
        } else {
            noted.note_answer(has_waited);
        }
    }))
}

/// Returns the region and the service that a request is signed for, such as `eu-west-1/cloudformation`;
/// `None` if it does not have to wait.
fn scope(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    // An access key id has no slash: the key, the day, the region, the service, `aws4_request`.
    let (_, scope) = credential.split_once('/')?;
    let (_, scope) = scope.split_once('/')?;
    // S3 accepts thousands of requests a second, and its uploads may not wait.
    let scope = scope.strip_suffix("/aws4_request")?;
    (!scope.ends_with("/s3")).then_some(scope)
}

#[cfg(test)]
mod tests {
    use super::scope;

    #[test]
    fn the_scope_is_what_a_request_is_signed_for() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261128/eu-west-1/cloudformation/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        assert_eq!(scope(header), Some("eu-west-1/cloudformation"));
        for other in [
            "",
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=a/b",
            "Credential=",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261128/eu-west-1/s3/aws4_request, SignedHeaders=host",
        ] {
            assert_eq!(scope(other), None, "{other}");
        }
    }
}
