//! stackctl's client and a service with recorded responses.

use stackctl::aws::stack::StackService;
use stackctl::aws::{Connection, Emulation, Pool};
use stackctl::cloudformation::change_set::ChangeSet;
use stackctl::config::ambient::Ambient;
use stackctl::config::secret::Secrets;
use stackctl::config::settings::Overrides;
use stackctl::config::{manifest, settings};
use stackctl::diagnostic::SourceFile;

use crate::service::{ACCOUNT, Answer, PLAIN, Service};

/// How many seconds of a pause between calls pass in a second.
const PACE: u32 = 100;

/// A client and its service.
pub(crate) struct Replay {
    service: Service,
    client: StackService,
    runtime: tokio::runtime::Runtime,
}

impl Replay {
    /// Starts the service and connects the client to it.
    pub(crate) fn start() -> Self {
        let service = Service::start();
        let manifest = manifest::parse(&SourceFile::new(
            "manifest.toml",
            "project = \"demo\"\nenvironment = \"dev\"\n",
        ));
        let ambient = Ambient::default();
        let settings = settings::resolve(&manifest, &Overrides::default(), &ambient).unwrap();
        let emulation = Emulation {
            endpoint: service.endpoint().to_owned(),
            account: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime
            .block_on(Connection::open(
                &settings,
                Some(&emulation),
                &Secrets::default(),
                &Pool::with_faster_pauses(PACE),
            ))
            .unwrap();
        Self {
            service,
            client: StackService::new(&connection, "demo"),
            runtime,
        }
    }

    /// Serves this response to every call from now on.
    pub(crate) fn answer_with(&self, answer: Answer) {
        self.service.set_every_response(answer);
    }

    /// Returns stackctl's own client.
    pub(crate) fn client(&self) -> &StackService {
        &self.client
    }

    /// Waits for a result of the client.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// Returns the change set that stackctl reads if the service sends these responses, with and
    /// without property values.
    pub(crate) fn read(&self, valued: &str, plain: &str) -> ChangeSet {
        self.service
            .set_response("DescribeChangeSet", Answer::of(valued));
        self.service.set_response(PLAIN, Answer::of(plain));
        self.runtime
            .block_on(stackctl::aws::stack::change_set::wait(
                &self.client,
                "change-set",
            ))
            .unwrap()
    }
}
