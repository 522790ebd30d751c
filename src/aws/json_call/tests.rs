#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::VecDeque;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::origin::Origin;
use aws_types::sdk_config::Builder;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::endpoint::EndpointResolver;
use super::{CallError, DYNAMODB, JsonClient, LAMBDA, LOGS, Request, SECRETS_MANAGER, Service};
use crate::aws::Endpoint;
use crate::aws::fault;
use crate::aws::limiter::{Allowance, Limiters};
use crate::aws::login::Login;

fn allowance() -> Allowance {
    Allowance(Limiters::default().of("eu-west-1", "lambda"))
}

/// An answer of a service.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

/// An HTTP client that returns prepared answers in order and records the requests.
#[derive(Debug, Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap();
        self.requests.lock().unwrap().push(request);
        let status = StatusCode::try_from(answer.status).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            requests: Arc::default(),
        }
    }

    fn config(&self) -> Builder {
        let connector = SharedHttpConnector::new(self.clone());
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(1));
        config("eu-west-1")
            .retry_config(retries)
            .http_client(http_client_fn(move |_, _| connector.clone()))
    }

    async fn send(&self, service: Service, request: Request) -> Result<Value, CallError> {
        let config = self.config().build();
        JsonClient::new(&config, service, allowance())
            .send(request)
            .await
    }

    fn requests(&self) -> Vec<HttpRequest> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn config(region: &str) -> Builder {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
}

fn get_item() -> Request {
    Request::json(
        "1.0",
        "DynamoDB_20120810.GetItem",
        &json!({ "TableName": "t" }),
    )
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).unwrap_or_default()
}

#[tokio::test]
async fn an_aws_json_request_is_signed_and_names_its_operation() {
    let script = Script::of([answer(200, r#"{"Item":{}}"#)]);
    let answer = script.send(DYNAMODB, get_item()).await.unwrap();
    assert_eq!(answer, json!({ "Item": {} }));

    let requests = script.requests();
    let [request] = requests.as_slice() else {
        panic!("one request: {requests:?}")
    };
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://dynamodb.eu-west-1.amazonaws.com/");
    assert_eq!(
        header(request, "content-type"),
        "application/x-amz-json-1.0"
    );
    assert_eq!(header(request, "x-amz-target"), "DynamoDB_20120810.GetItem");
    assert_eq!(
        request.body().bytes(),
        Some(br#"{"TableName":"t"}"#.as_slice())
    );
    let authorization = header(request, "authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert!(authorization.contains("/eu-west-1/dynamodb/aws4_request, SignedHeaders="));
    assert!(authorization.contains("x-amz-target"), "{authorization}");
    assert!(authorization.contains(", Signature="), "{authorization}");
    assert!(header(request, "user-agent").contains("aws-sdk-rust/"));
    assert!(!header(request, "amz-sdk-invocation-id").is_empty());
    assert_eq!(header(request, "amz-sdk-request"), "attempt=1; max=3");
}

#[tokio::test]
async fn the_path_of_a_rest_json_request_is_encoded() {
    let script = Script::of([answer(200, r#"{"CodeSha256":"x"}"#)]);
    let function = "arn:aws:lambda:eu-west-1:1:function:a b/c";
    let path = ["2015-03-31", "functions", function, "configuration"];
    let request = Request::get("GetFunctionConfiguration", &path);
    let answer = script.send(LAMBDA, request).await.unwrap();
    assert_eq!(answer, json!({ "CodeSha256": "x" }));

    let requests = script.requests();
    assert_eq!(requests[0].method(), "GET");
    assert_eq!(
        requests[0].uri(),
        "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/\
         arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Aa%20b%2Fc/configuration"
    );
    let authorization = header(&requests[0], "authorization");
    assert!(authorization.contains("/eu-west-1/lambda/aws4_request"));
}

#[tokio::test]
async fn transient_and_throttling_errors_are_retried() {
    let throttled = r#"{"__type":"com.amazon.coral.availability#ThrottlingException"}"#;
    let throttled = || answer(400, throttled);
    let failures = [
        vec![answer(500, "{}"), answer(503, "<html>")],
        vec![throttled(), throttled()],
        vec![answer(429, "{}").header("x-amzn-errortype", "TooManyRequestsException")],
        vec![answer(400, r#"{"code":"RequestTimeout"}"#)],
    ];
    for failures in failures {
        let count = failures.len();
        let script = Script::of(failures.into_iter().chain([answer(200, "{}")]));
        let answer = script.send(DYNAMODB, get_item()).await;
        assert_eq!(answer.unwrap(), json!({}));
        assert_eq!(script.requests().len(), count + 1);
    }
}

#[tokio::test]
async fn other_errors_are_not_retried_and_attempts_are_limited() {
    let refused = r#"{"__type":"ValidationException"}"#;
    let script = Script::of([answer(400, refused)]);
    let error = script.send(DYNAMODB, get_item()).await.unwrap_err();
    assert_eq!(code(&error), Some("ValidationException"));

    let script = Script::of([500; 3].map(|status| answer(status, "{}")));
    script.send(DYNAMODB, get_item()).await.unwrap_err();
    assert_eq!(script.requests().len(), 3);
}

/// The local clock is an hour behind the service's.
#[tokio::test]
async fn a_wrong_clock_is_corrected_and_the_request_signed_again() {
    let later = SystemTime::now() + Duration::from_hours(1);
    let later = Timestamp::try_from(later).unwrap();
    let date = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let skewed = r#"{"__type":"InvalidSignatureException","message":"Signature expired"}"#;
    let script = Script::of([answer(403, skewed).header("date", &date), answer(200, "{}")]);
    script.send(DYNAMODB, get_item()).await.unwrap();

    let requests = script.requests();
    let signed = header(&requests[1], "x-amz-date");
    let expected = later.strftime("%Y%m%dT%H%M").to_string();
    let next = later + Duration::from_mins(1);
    let next = next.strftime("%Y%m%dT%H%M").to_string();
    assert!(
        signed.starts_with(&expected) || signed.starts_with(&next),
        "{signed}"
    );
}

#[tokio::test]
async fn a_call_without_an_answer_times_out() {
    #[derive(Debug)]
    struct NoAnswer;

    impl HttpConnector for NoAnswer {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::new(std::future::pending())
        }
    }

    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_millis(10));
    let config = config("eu-west-1")
        .timeout_config(timeouts.build())
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(NoAnswer)));
    let client = JsonClient::new(&config.build(), DYNAMODB, allowance());
    let error = client.send::<Value>(get_item()).await.unwrap_err();
    assert!(matches!(error, CallError::TimeoutError(_)), "{error:?}");
}

fn code(error: &CallError) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

#[tokio::test]
async fn the_error_code_is_read_from_the_header_or_from_code_or_type_in_the_body() {
    let name = "ResourceNotFoundException";
    let url = "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.coral/";
    let in_header = |code: &str, body: &str| answer(404, body).header("x-amzn-errortype", code);
    let in_body = |body: &str| answer(404, &body.replace("NAME", name));
    let cases = [
        (in_header(name, ""), ""),
        (in_header(url, r#"{"Message":"m"}"#), "m"),
        (in_header(name, r#"{"code":"Other"}"#), ""),
        (in_body(r#"{"code":"NAME","message":"m"}"#), "m"),
        (in_body(r#"{"code":"NAME","__type":"Other"}"#), ""),
        (in_body(r#"{"__type":"NAME","errorMessage":"m"}"#), "m"),
        (in_body(r#"{"__type":"com.amazonaws.x.v1#NAME"}"#), ""),
        (in_body(r#"{"__type":"x#NAME:http://y/","code":1}"#), ""),
    ];
    for (answer, message) in cases {
        let script = Script::of([answer.clone()]);
        let error = script.send(LAMBDA, get_item()).await.unwrap_err();
        assert_eq!(code(&error), Some(name), "{answer:?}");
        let cause = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message);
        assert_eq!(cause.unwrap_or_default(), message, "{answer:?}");
    }
}

#[tokio::test]
async fn a_failure_has_the_cause_and_the_hint_of_other_services() {
    let endpoint = Endpoint::Custom("http://127.0.0.1:1".to_owned());
    let cases = [
        (
            answer(
                400,
                r#"{"__type":"ExpiredTokenException","message":"it expired"}"#,
            ),
            "it expired (ExpiredTokenException)",
            "the credentials have expired: run `aws sso login`",
        ),
        (
            answer(
                403,
                r#"{"__type":"AccessDeniedException","Message":"you may not"}"#,
            ),
            "you may not (AccessDeniedException)",
            "the caller lacks a permission for this request: allow it in a policy of that user or role, or \
             use a profile that has it (--profile)",
        ),
        (
            answer(404, "<html>"),
            "the answer is none of AWS's: HTTP 404",
            "check that http://127.0.0.1:1 is the endpoint that you mean (AWS_ENDPOINT_URL, or the \
             profile's `endpoint_url`)",
        ),
        (
            answer(200, "<html>"),
            "the answer is none of AWS's: HTTP 200",
            "check that http://127.0.0.1:1 is the endpoint that you mean (AWS_ENDPOINT_URL, or the \
             profile's `endpoint_url`)",
        ),
    ];
    for (answer, cause, hint) in cases {
        let script = Script::of([answer]);
        let error = script.send(LOGS, get_item()).await.unwrap_err();
        let error = fault::translate(
            &Login::default(),
            (&endpoint, "eu-west-1"),
            "read the log",
            &error,
        );
        assert_eq!(error.to_string(), "cannot read the log");
        assert_eq!(error.source().unwrap().to_string(), cause);
        assert_eq!(error.hints()[0], hint, "{cause}");
    }
}

async fn endpoint(service: Service, config: SdkConfig) -> Result<String, String> {
    let custom = crate::aws::service_endpoint(&config, service.id);
    let resolver = EndpointResolver::new(&config, service, custom);
    let found = resolver.resolve().await;
    found
        .map(|endpoint| endpoint.url().to_owned())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_endpoint_has_the_domain_of_the_regions_partition() {
    let cases = [
        ("eu-west-1", "https://logs.eu-west-1.amazonaws.com"),
        ("xx-new-9", "https://logs.xx-new-9.amazonaws.com"),
        ("cn-north-1", "https://logs.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://logs.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "https://logs.us-iso-east-1.c2s.ic.gov"),
        (
            "us-isob-east-1",
            "https://logs.us-isob-east-1.sc2s.sgov.gov",
        ),
        ("eusc-de-east-1", "https://logs.eusc-de-east-1.amazonaws.eu"),
    ];
    for (region, expected) in cases {
        let found = endpoint(LOGS, config(region).build()).await;
        assert_eq!(found.as_deref(), Ok(expected));
    }
    let refused = endpoint(LOGS, config("a/b").build()).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn fips_and_dual_stack_endpoints_are_used_if_configured() {
    let cases = [
        (
            "eu-west-1",
            true,
            false,
            "https://lambda-fips.eu-west-1.amazonaws.com",
        ),
        ("eu-west-1", false, true, "https://lambda.eu-west-1.api.aws"),
        (
            "eu-west-1",
            true,
            true,
            "https://lambda-fips.eu-west-1.api.aws",
        ),
        (
            "us-gov-west-1",
            true,
            false,
            "https://lambda-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "us-gov-west-1",
            true,
            true,
            "https://lambda-fips.us-gov-west-1.api.aws",
        ),
    ];
    for (region, fips, dual_stack, expected) in cases {
        let config = config(region).use_fips(fips).use_dual_stack(dual_stack);
        let found = endpoint(LAMBDA, config.build()).await;
        assert_eq!(found.as_deref(), Ok(expected));
    }
    // One host serves IPv4 and IPv6.
    let both = config("eu-west-1").use_fips(true).use_dual_stack(true);
    let found = endpoint(SECRETS_MANAGER, both.build()).await;
    let expected = "https://secretsmanager-fips.eu-west-1.amazonaws.com";
    assert_eq!(found.as_deref(), Ok(expected));
    let config = config("us-gov-west-1").use_fips(true).build();
    let found = endpoint(DYNAMODB, config).await;
    assert_eq!(
        found.as_deref(),
        Ok("https://dynamodb.us-gov-west-1.amazonaws.com")
    );
}

/// An endpoint that the environment or the profile sets for one service: its id and the URL.
#[derive(Debug)]
struct OfService(&'static str, &'static str);

impl LoadServiceConfig for OfService {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        (key.service_id() == self.0).then(|| self.1.to_owned())
    }
}

#[tokio::test]
async fn a_configured_endpoint_replaces_the_one_of_aws() {
    let of_all = || config("eu-west-1").endpoint_url("http://127.0.0.1:1");
    let found = endpoint(LAMBDA, of_all().build()).await;
    assert_eq!(found.as_deref(), Ok("http://127.0.0.1:1"));

    // The endpoint of one service takes precedence, unless the general one was set in code.
    let of_logs = || OfService("CloudWatch Logs", "http://127.0.0.1:2");
    let both = || of_all().service_config(of_logs());
    let found = endpoint(LOGS, both().build()).await;
    assert_eq!(found.as_deref(), Ok("http://127.0.0.1:2"));
    let found = endpoint(LAMBDA, both().build()).await;
    assert_eq!(found.as_deref(), Ok("http://127.0.0.1:1"));
    let mut in_code = both();
    in_code.insert_origin("endpoint_url", Origin::shared_config());
    let found = endpoint(LOGS, in_code.build()).await;
    assert_eq!(found.as_deref(), Ok("http://127.0.0.1:1"));

    let with_fips = of_all().use_fips(true).build();
    let refused = endpoint(LAMBDA, with_fips).await.unwrap_err();
    assert!(refused.contains("FIPS and custom endpoint"), "{refused}");
}

#[tokio::test]
async fn a_call_is_sent_to_the_configured_endpoint() {
    let script = Script::of([answer(200, "")]);
    let config = script.config().endpoint_url("http://127.0.0.1:4566/base");
    let client = JsonClient::new(&config.build(), DYNAMODB, allowance());
    let answer: Value = client.send(get_item()).await.unwrap();
    assert_eq!(
        answer,
        json!({}),
        "an empty body is read as an empty object"
    );
    let requests = script.requests();
    assert_eq!(requests[0].uri(), "http://127.0.0.1:4566/base/");
}
