//! Many stacks against a service with a token bucket, in simulated time: the SDK's client with its
//! retries, the limiter and the pauses are the real ones, only the network is not.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudformation::Client;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};

use super::clock::Clock;
use super::{Allowance, Limiters, Pace, Watched, limited, stalled_stream_protection};
use crate::aws::retries::Retries;

/// How long a request and its answer take.
const LATENCY: Duration = Duration::from_millis(40);

/// How many calls a service accepts at once after a pause.
const BURST: f64 = 10.0;

/// The calls that the application of one stack makes, those of one line at the same time. Between the
/// last lines, its operation is polled.
const READS: [usize; 4] = [3, 2, 5, 1];
const STACKS: u32 = 100;
const LOOKS: u32 = 5;
const CALLS: u32 = 11 + 2 * LOOKS;

/// A time that passes only when everything waits for it.
#[derive(Debug, Clone, Default)]
struct Time(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    now: Duration,
    /// Who waits until when. The number tells apart those that wait for the same moment.
    wakers: BTreeMap<(Duration, usize), Waker>,
    number: usize,
}

/// A pause until a moment. It is forgotten when it is dropped.
struct Pause {
    time: Time,
    key: (Duration, usize),
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.time.with(|waiting| {
            if waiting.now >= self.key.0 {
                return Poll::Ready(());
            }
            waiting.wakers.insert(self.key, context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.time.with(|waiting| waiting.wakers.remove(&self.key));
    }
}

struct IsWoken(AtomicBool);

impl Wake for IsWoken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Time {
    fn with<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Duration {
        self.with(|waiting| waiting.now)
    }

    fn pause(&self, pause: Duration) -> Pause {
        let time = self.clone();
        let key = self.with(|waiting| {
            waiting.number += 1;
            (waiting.now + pause, waiting.number)
        });
        Pause { time, key }
    }

    /// Runs a future to its end.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let is_woken = Arc::new(IsWoken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&is_woken));
        loop {
            while is_woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return done;
                }
            }
            let next = self.with(|waiting| {
                let ((until, _), waker) = waiting.wakers.pop_first().unwrap();
                waiting.now = waiting.now.max(until);
                waker
            });
            next.wake();
        }
    }

    fn clock(&self) -> Clock {
        let time = self.clone();
        Clock {
            time: Arc::new(move || time.now()),
            sleep: SharedAsyncSleep::new(self.clone()),
            pace: Pace::default(),
        }
    }
}

impl AsyncSleep for Time {
    fn sleep(&self, pause: Duration) -> Sleep {
        Sleep::new(self.pause(pause))
    }
}

impl TimeSource for Time {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + Time::now(self)
    }
}

/// A service that accepts so many calls a second.
#[derive(Debug, Clone)]
struct Service {
    time: Time,
    bucket: Arc<Mutex<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    counted: Duration,
    accepted: u32,
    /// How often each call was throttled, by its invocation id.
    throttled: BTreeMap<String, usize>,
}

impl Service {
    fn new(rate: f64) -> Self {
        let bucket = Bucket {
            rate,
            burst: BURST,
            tokens: BURST,
            counted: Duration::ZERO,
            accepted: 0,
            throttled: BTreeMap::new(),
        };
        Self {
            time: Time::default(),
            bucket: Arc::new(Mutex::new(bucket)),
        }
    }

    fn client(&self) -> SharedHttpClient {
        let service = self.clone();
        http_client_fn(move |_, _| SharedHttpConnector::new(service.clone()))
    }

    fn bucket<T>(&self, work: impl FnOnce(&mut Bucket) -> T) -> T {
        work(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how often the call was throttled that was throttled most often.
    fn most_throttled(&self) -> usize {
        self.bucket(|bucket| bucket.throttled.values().copied().max().unwrap_or(0))
    }

    fn accepted(&self) -> u32 {
        self.bucket(|bucket| bucket.accepted)
    }
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.clone();
        let id = request.headers().get("amz-sdk-invocation-id");
        let id = id.unwrap_or_default().to_owned();
        HttpConnectorFuture::new(async move {
            service.time.pause(LATENCY / 2).await;
            let now = service.time.now();
            let is_accepted = service.bucket(|bucket| bucket.take(id, now));
            service.time.pause(LATENCY / 2).await;
            let (status, body) = if is_accepted {
                let start = "<ListExportsResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">";
                (
                    200,
                    format!("{start}<ListExportsResult/></ListExportsResponse>"),
                )
            } else {
                let error =
                    "<Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>";
                (
                    400,
                    format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"),
                )
            };
            let status = StatusCode::try_from(status).unwrap();
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

impl Bucket {
    fn take(&mut self, id: String, now: Duration) -> bool {
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.counted = now;
        let is_accepted = self.tokens >= 1.0;
        if is_accepted {
            self.tokens -= 1.0;
            self.accepted += 1;
        } else {
            *self.throttled.entry(id).or_default() += 1;
        }
        is_accepted
    }
}

/// A process that applies stacks.
struct Process {
    time: Time,
    client: Client,
    limiters: Limiters,
    region: &'static str,
}

impl Process {
    /// Returns a process. Each has a region of its own, because the SDK's budget for retries belongs to a
    /// region.
    fn new(service: &Service, region: &'static str) -> Self {
        let time = service.time.clone();
        let limiters = Limiters {
            clock: time.clock(),
            ..Limiters::default()
        };
        let Retries { retries, timeouts } = Retries::default();
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .http_client(limited(service.client(), limiters.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries)
            .timeout_config(timeouts)
            .stalled_stream_protection(stalled_stream_protection())
            .sleep_impl(SharedAsyncSleep::new(time.clone()))
            .time_source(SharedTimeSource::new(time.clone()))
            .build();
        let limiter = limiters.of(region, "cloudformation");
        let config = aws_sdk_cloudformation::config::Builder::from(&config)
            .interceptor(Allowance(limiter))
            .build();
        Self {
            time,
            client: Client::from_conf(config),
            limiters,
            region,
        }
    }

    async fn call(&self) {
        let answer = self.client.list_exports().send().await;
        answer.unwrap_or_else(|error| panic!("{error:?}"));
    }

    async fn apply(&self) {
        for count in READS {
            join_all((0..count).map(|_| self.call())).await;
        }
        let watched = Watched::begin(self.limiters.of(self.region, "cloudformation").limiter());
        for _ in 0..LOOKS {
            let pause = watched.pause().max(Duration::from_secs(1));
            self.time.pause(pause).await;
            join_all([self.call(), self.call()]).await;
        }
    }

    /// Applies all stacks, so many at once. Returns how many seconds it took.
    async fn apply_all(&self, at_once: u32) -> f64 {
        let started = self.time.now();
        let applications = stream::iter(0..STACKS).map(|_| self.apply());
        let _: Vec<()> = applications
            .buffer_unordered(at_once as usize)
            .collect()
            .await;
        self.time.now().saturating_sub(started).as_secs_f64()
    }
}

#[test]
fn without_throttling_nothing_waits() {
    let service = Service::new(100.0);
    service.bucket(|bucket| (bucket.burst, bucket.tokens) = (100.0, 100.0));
    let process = Process::new(&service, "unlimited");
    let stacks = join_all((0..4).map(|_| process.apply()));
    service.time.run(stacks);
    let trips = u32::try_from(READS.len()).unwrap() + LOOKS;
    let looks = Duration::from_secs(u64::from(LOOKS));
    assert_eq!(service.time.now(), trips * LATENCY + looks);
    assert_eq!(service.accepted(), 4 * CALLS);
}

#[test]
fn no_call_is_retried_more_than_three_times() {
    for (rate, at_once, region) in [
        (5.0, 32, "five-by-32"),
        (20.0, 4, "twenty-by-4"),
        (100.0, 32, "hundred-by-32"),
    ] {
        let service = Service::new(rate);
        let process = Process::new(&service, region);
        let time = service.time.run(process.apply_all(at_once));
        assert_eq!(service.accepted(), STACKS * CALLS);
        let most = service.most_throttled();
        assert!(most <= 3, "{region}: a call was throttled {most} times");
        // The pauses between the looks take their time at any rate.
        let looks = f64::from(STACKS.div_ceil(at_once) * LOOKS);
        let best = f64::from(STACKS * CALLS) / rate;
        assert!(time < 1.5 * best + looks, "{region}: {time} s");
    }
}

#[test]
fn two_processes_share_what_there_is() {
    let service = Service::new(5.0);
    let (one, other) = (
        Process::new(&service, "one"),
        Process::new(&service, "other"),
    );
    let late = async {
        service.time.pause(Duration::from_secs(30)).await;
        other.apply_all(4).await
    };
    let (first, second) = service.time.run(join(one.apply_all(4), late));
    assert_eq!(service.accepted(), 2 * STACKS * CALLS);
    let most = service.most_throttled();
    assert!(most <= 3, "a call was throttled {most} times");
    let (shorter, longer) = (first.min(second), first.max(second));
    assert!(shorter > 0.7 * longer, "{first} s and {second} s");
}

#[test]
fn calls_that_wait_longer_than_their_time_out_do_not_fail() {
    let service = Service::new(1.0);
    let process = Process::new(&service, "slow");
    service.time.run(join_all((0..150).map(|_| process.call())));
    assert!(service.time.now() > Duration::from_secs(130));
}
