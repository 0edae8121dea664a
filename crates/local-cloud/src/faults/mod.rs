//! Faults: calls that go wrong as calls to AWS do, on request and repeatably. Outside everything that has effects, so that a fault
//! strikes a caller's calls only, never what the layers ask among themselves.

mod answers;
mod asked;
mod decide;
mod document;
mod late;
mod late_kinds;
mod presets;
mod roles;

use std::time::Duration;

pub use document::{Count, Fault, Faults, Report, Rule};
pub use presets::{PRESETS, preset};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::connection::Cut;
use crate::reply::Reply;
use crate::{protocol, rollouts, time};
use decide::{Decisions, Strike, Subject};
use late::Late;
use roles::Roles;

/// The document in force, and what its faults have left behind.
#[derive(Debug, Default)]
pub(crate) struct State {
    decisions: Decisions,
    late: Late,
    roles: Roles,
}

impl State {
    /// What is set, and what came of it.
    pub fn report(&self) -> Report {
        self.decisions.report()
    }
}

/// What became of a call.
pub(crate) struct Outcome {
    pub ending: Ending,
    /// The fault that it met.
    pub fault: Option<&'static str>,
}

/// How it ends for the caller.
pub(crate) enum Ending {
    Answer(Reply),
    /// No answer: the connection ends.
    Cut(Cut),
}

impl Outcome {
    fn answer(reply: Reply, fault: Option<Fault>) -> Self {
        Self { ending: Ending::Answer(reply), fault: fault.map(|fault| fault.name()) }
    }

    fn cut(strike: Strike) -> Self {
        let how = if strike.dice & 1 == 0 { Cut::Closed } else { Cut::Reset };
        Self { ending: Ending::Cut(how), fault: Some(strike.fault.name()) }
    }
}

/// Puts another document in force. What earlier faults left behind is over: all that was hidden or held up goes on.
pub(crate) fn set(cloud: &Cloud, faults: Faults) {
    *cloud.faults() = State { decisions: Decisions::new(faults), ..State::default() };
    time::release(cloud);
    rollouts::release(cloud);
}

/// Hands a call on, unless a fault strikes it.
pub(crate) async fn around(cloud: &Cloud, mut call: Call) -> Outcome {
    let now = cloud.clock.now();
    let (idle, roles) = {
        let mut faults = cloud.faults();
        faults.late.forget(now);
        faults.roles.forget(now);
        (faults.decisions.is_empty() && faults.late.is_empty(), !faults.roles.is_empty())
    };
    if idle && !roles {
        return Outcome::answer(protocol::around(cloud, call).await, None);
    }
    if roles && (call.service != "s3" || call.operation == "PutBucketPolicy") {
        call.read_body().await;
    }
    let Some(strike) = decide(cloud, &call) else {
        return aftermath(cloud, call, None).await;
    };
    match strike.fault {
        Fault::Throttle => Outcome::answer(answers::throttled(&call), Some(strike.fault)),
        Fault::InternalError => Outcome::answer(answers::failed(&call), Some(strike.fault)),
        Fault::ResetBefore => Outcome::cut(strike),
        Fault::ResetAfter => {
            // The emulator may still be at work when its answer begins: only a whole answer says that it is done.
            if let Ending::Answer(reply) = aftermath(cloud, call, None).await.ending {
                reply.whole().await;
            }
            Outcome::cut(strike)
        }
        Fault::Slow { ms } => {
            let outcome = aftermath(cloud, call, Some(strike.fault)).await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            outcome
        }
        Fault::NeverReady => {
            call.stuck = true;
            aftermath(cloud, call, Some(strike.fault)).await
        }
        Fault::Late { ms } => {
            let (made, outcome) = (late::Made::of(&call), aftermath(cloud, call, Some(strike.fault)).await);
            match (made, outcome.ending) {
                (Some(made), Ending::Answer(reply)) => {
                    let reply = reply.whole().await;
                    cloud.faults().late.hide(made, &reply, cloud.clock.now() + seconds(ms));
                    Outcome::answer(reply, Some(strike.fault))
                }
                (_, ending) => Outcome { ending, fault: outcome.fault },
            }
        }
        Fault::RoleNotAssumable { ms } => {
            let Outcome { ending: Ending::Answer(reply), .. } = aftermath(cloud, call, None).await else {
                return Outcome::cut(strike);
            };
            let reply = reply.whole().await;
            cloud.faults().roles.made(&reply, cloud.clock.now() + seconds(ms));
            Outcome::answer(reply, Some(strike.fault))
        }
    }
}

fn decide(cloud: &Cloud, call: &Call) -> Option<Strike> {
    let mut names: Vec<String> = call.resource().into_iter().chain(asked::owner(call)).collect();
    let takes_time = time::made_by(call);
    names.extend(takes_time.map(str::to_owned));
    let possible = |fault| match fault {
        Fault::NeverReady => takes_time.is_some(),
        Fault::Late { .. } => late::Made::of(call).is_some(),
        Fault::RoleNotAssumable { .. } => (call.service.as_str(), call.operation.as_str()) == ("iam", "CreateRole"),
        _ => true,
    };
    let subject = Subject { service: &call.service, operation: &call.operation, names: &names };
    cloud.faults().decisions.decide(&subject, possible)
}

/// Hands a call on into a world in which earlier faults still work.
async fn aftermath(cloud: &Cloud, call: Call, fault: Option<Fault>) -> Outcome {
    let now = cloud.clock.now();
    let (refused, view) = {
        let faults = cloud.faults();
        (faults.roles.refuse(&call, now), faults.late.view(&call, now))
    };
    if let Some(reply) = refused {
        return Outcome::answer(reply, Some(Fault::RoleNotAssumable { ms: 0 }));
    }
    let Some(view) = view else {
        return Outcome::answer(protocol::around(cloud, call).await, fault);
    };
    match view.refuse(&call) {
        Some(reply) => Outcome::answer(reply, Some(Fault::Late { ms: 0 })),
        None => {
            let (reply, hidden) = view.strip(protocol::around(cloud, call).await).await;
            Outcome::answer(reply, if hidden { Some(Fault::Late { ms: 0 }) } else { fault })
        }
    }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}
