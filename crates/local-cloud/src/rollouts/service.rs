//! What the ECS scheduler does with a service: deployments, tasks and events as a pure state machine over time in seconds since 1970.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>

use std::sync::Arc;

use serde_json::{Map, Value};

use super::model::{End, Subnet, Task, TaskDefinition};

/// A service with more stopped tasks forgets the oldest; AWS forgets them after an hour.
const REMEMBERED: usize = 100;
/// AWS shows the latest hundred events.
const EVENTS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

#[derive(Debug)]
pub(super) struct Deployment {
    pub id: String,
    pub definition: Arc<TaskDefinition>,
    pub began: f64,
    pub updated: f64,
    pub desired: usize,
    pub tasks: Vec<Task>,
    pub failed: usize,
    pub rollout: Rollout,
    pub reason: String,
}

#[derive(Debug)]
pub(super) struct Event {
    pub id: String,
    pub at: f64,
    pub message: String,
}

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub name: String,
    pub cluster_arn: String,
    /// What was asked for, as ECS would describe it; the emulator keeps less.
    pub spec: Map<String, Value>,
    pub subnets: Vec<Subnet>,
    /// The client token of its creation: the same one again is not a second creation.
    pub token: Option<String>,
    pub created: f64,
    /// Newest first.
    pub deployments: Vec<Deployment>,
    pub events: Vec<Event>,
    pub stopped: Vec<Task>,
    /// Until when it drains, once it was deleted.
    pub draining: Option<f64>,
    /// Seconds of a rollout.
    pub seconds: f64,
    serial: u32,
}

impl Service {
    pub fn new(name: &str, cluster_arn: &str, seconds: f64, now: f64) -> Self {
        Self {
            name: name.to_owned(),
            cluster_arn: cluster_arn.to_owned(),
            spec: Map::new(),
            subnets: Vec::new(),
            token: None,
            created: now,
            deployments: Vec::new(),
            events: Vec::new(),
            stopped: Vec::new(),
            draining: None,
            seconds,
            serial: 0,
        }
    }

    /// How many failed tasks make the circuit breaker act.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    fn threshold(&self) -> usize {
        self.desired().div_ceil(2).clamp(3, 200)
    }

    fn breaker(&self, member: &str) -> bool {
        self.spec
            .get("deploymentConfiguration")
            .is_some_and(|configuration| configuration["deploymentCircuitBreaker"][member] == Value::Bool(true))
    }

    pub fn desired(&self) -> usize {
        self.deployments.first().map_or(0, |primary| primary.desired)
    }

    /// Starts a deployment: it becomes the primary one, and takes over task by task.
    pub fn deploy(&mut self, definition: Arc<TaskDefinition>, desired: usize, now: f64) {
        let id = deployment_id();
        let reason = format!("ECS deployment {id} in progress.");
        self.begin(id, definition, desired, reason, now);
    }

    fn begin(&mut self, id: String, definition: Arc<TaskDefinition>, desired: usize, reason: String, now: f64) {
        let broken = definition.broken().is_some();
        let tasks = if broken { Vec::new() } else { self.start(&id, &definition, desired, self.seconds, now) };
        self.deployments.insert(
            0,
            Deployment {
                id,
                definition,
                began: now,
                updated: now,
                desired,
                tasks,
                failed: 0,
                rollout: Rollout::InProgress,
                reason,
            },
        );
    }

    fn start(
        &mut self,
        deployment: &str,
        definition: &Arc<TaskDefinition>,
        count: usize,
        seconds: f64,
        now: f64,
    ) -> Vec<Task> {
        let tasks: Vec<Task> = (1..=count)
            .map(|index| {
                #[expect(clippy::cast_precision_loss, reason = "counts of tasks are small")]
                let share = index as f64 / count as f64 * seconds;
                self.task(deployment, definition, now, share)
            })
            .collect();
        if !tasks.is_empty() {
            let names: Vec<String> = tasks.iter().map(|task| format!("(task {})", task.id)).collect();
            let noun = if tasks.len() == 1 { "task" } else { "tasks" };
            self.event(now, format!("has started {} {noun}: {}.", tasks.len(), names.join(" ")));
        }
        tasks
    }

    fn task(&mut self, deployment: &str, definition: &Arc<TaskDefinition>, now: f64, seconds: f64) -> Task {
        self.serial += 1;
        let subnet = match self.subnets.len() {
            0 => Subnet::default(),
            count => self.subnets[self.serial as usize % count].clone(),
        };
        let prefix = if subnet.prefix.is_empty() { "10.0.0" } else { &subnet.prefix };
        // The first addresses of a subnet belong to AWS and to load balancers.
        let address = format!("{prefix}.{}", 20 + self.serial % 230);
        Task {
            id: crate::cloud::random_id(),
            deployment: deployment.to_owned(),
            definition: Arc::clone(definition),
            subnet,
            address,
            created: now,
            running: now + seconds * 0.6,
            healthy: now + seconds,
            end: None,
        }
    }

    /// Changes the number of tasks without a new deployment.
    pub fn scale(&mut self, desired: usize, now: f64) {
        self.advance(now);
        let Some(primary) = self.deployments.first_mut() else {
            return;
        };
        primary.desired = desired;
        primary.updated = now;
        if primary.definition.broken().is_some() {
            return;
        }
        let (id, definition, count) = (primary.id.clone(), Arc::clone(&primary.definition), primary.tasks.len());
        if desired > count {
            let more = self.start(&id, &definition, desired - count, self.seconds / 2.0, now);
            if let Some(primary) = self.deployments.first_mut() {
                primary.tasks.extend(more);
            }
        } else {
            let fewer = primary.tasks.split_off(desired);
            self.stop(fewer, &format!("Scaling activity initiated by (deployment {id})"), now);
        }
        self.advance(now);
    }

    /// Lets tasks that would never start run now.
    pub fn release(&mut self, seconds: f64, now: f64) {
        if self.seconds.is_finite() {
            return;
        }
        self.seconds = seconds;
        let tasks = self.deployments.iter_mut().flat_map(|deployment| &mut deployment.tasks);
        for task in tasks.filter(|task| task.healthy.is_infinite()) {
            (task.running, task.healthy) = (now, now);
        }
        self.advance(now);
    }

    /// Ends one task on request; the scheduler starts another.
    pub fn replace(&mut self, task: &str, reason: &str, now: f64) -> Option<Task> {
        let index =
            self.deployments.iter().position(|deployment| deployment.tasks.iter().any(|other| other.id == task))?;
        let place = self.deployments[index].tasks.iter().position(|other| other.id == task)?;
        let mut old = self.deployments[index].tasks.remove(place);
        old.end = Some(End { at: now, code: "UserInitiated", reason: reason.to_owned(), exit: Some(0) });
        self.remember(old.clone());
        let (id, definition) = (self.deployments[index].id.clone(), Arc::clone(&self.deployments[index].definition));
        let new = self.start(&id, &definition, 1, self.seconds / 2.0, now);
        self.deployments[index].tasks.extend(new);
        Some(old)
    }

    /// Stops everything, and drains for a while.
    pub fn drain(&mut self, now: f64, seconds: f64) {
        self.draining = Some(now + seconds);
        let tasks: Vec<Task> = self.deployments.drain(..).flat_map(|deployment| deployment.tasks).collect();
        self.stop(tasks, "Scaling activity initiated by service deletion", now);
    }

    fn stop(&mut self, tasks: Vec<Task>, reason: &str, now: f64) {
        for mut task in tasks {
            self.event(now, format!("has stopped 1 running tasks: (task {}).", task.id));
            task.end =
                Some(End { at: now, code: "ServiceSchedulerInitiated", reason: reason.to_owned(), exit: Some(0) });
            self.remember(task);
        }
    }

    fn remember(&mut self, task: Task) {
        self.stopped.insert(0, task);
        self.stopped.truncate(REMEMBERED);
    }

    fn event(&mut self, at: f64, what: String) {
        let message = format!("(service {}) {what}", self.name);
        self.events.insert(0, Event { id: crate::cloud::random_id(), at, message });
        self.events.truncate(EVENTS);
    }

    /// Does everything that was due until now.
    pub fn advance(&mut self, now: f64) {
        // Each turn finishes one deployment; a roll-back starts another, which does not fail.
        for _ in 0..8 {
            let Some(primary) = self.deployments.first() else {
                return;
            };
            if primary.rollout != Rollout::InProgress {
                return;
            }
            if primary.definition.broken().is_some() && primary.desired > 0 {
                if !self.fail(now) {
                    return;
                }
            } else {
                self.take_over(now);
                return;
            }
        }
    }

    /// Tasks of a broken deployment stop one after the other. True if the circuit breaker started something new.
    fn fail(&mut self, now: f64) -> bool {
        let (threshold, breaker) = (self.threshold(), self.breaker("enable"));
        let Some(primary) = self.deployments.first() else {
            return false;
        };
        let (id, began, definition) = (primary.id.clone(), primary.began, Arc::clone(&primary.definition));
        #[expect(clippy::cast_precision_loss, reason = "the threshold is at most 200")]
        let step = self.seconds / threshold as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and bounded")]
        let due = if step > 0.0 { ((now - began) / step).clamp(0.0, 1000.0) as usize } else { threshold };
        let due = if breaker { due.min(threshold) } else { due };
        let mut failed = primary.failed;
        while failed < due {
            failed += 1;
            #[expect(clippy::cast_precision_loss, reason = "the count is at most 1000")]
            let at = began + step * failed as f64;
            let mut task = self.task(&id, &definition, at - step, step);
            let container = definition.broken().map(|container| container.name.clone()).unwrap_or_default();
            self.event(at, format!("has started 1 tasks: (task {}).", task.id));
            self.event(
                at,
                format!("(task {}) failed container {container}: Essential container in task exited.", task.id),
            );
            task.end = Some(End {
                at,
                code: "EssentialContainerExited",
                reason: "Essential container in task exited".into(),
                exit: Some(1),
            });
            self.remember(task);
            if let Some(primary) = self.deployments.first_mut() {
                primary.failed = failed;
                primary.updated = at;
            }
        }
        if !breaker || failed < threshold {
            return false;
        }
        let at = began + self.seconds;
        if let Some(primary) = self.deployments.first_mut() {
            primary.rollout = Rollout::Failed;
            primary.reason = "ECS deployment circuit breaker: tasks failed to start.".into();
            primary.updated = at;
        }
        self.event(at, format!("(deployment {id}) deployment failed: tasks failed to start."));
        let good = self.deployments.iter().find(|deployment| deployment.rollout == Rollout::Completed);
        match good.map(|good| (good.id.clone(), Arc::clone(&good.definition), self.desired())) {
            Some((good, definition, desired)) if self.breaker("rollback") => {
                self.event(at, format!("rolling back to deployment {good}."));
                let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {good}.");
                self.begin(deployment_id(), definition, desired, reason, at);
                true
            }
            _ => false,
        }
    }

    /// Healthy new tasks replace old ones; when all are healthy the deployment is complete.
    fn take_over(&mut self, now: f64) {
        let Some(primary) = self.deployments.first() else {
            return;
        };
        let (id, desired) = (primary.id.clone(), primary.desired);
        let healthy = primary.tasks.iter().filter(|task| task.healthy <= now).count();
        let complete = healthy >= desired;
        let finished = primary.tasks.iter().map(|task| task.healthy).fold(primary.began, f64::max);
        let mut leaving = Vec::new();
        let mut room = if complete { 0 } else { desired.saturating_sub(healthy) };
        for older in self.deployments.iter_mut().skip(1) {
            let stay = older.tasks.len().min(room);
            room -= stay;
            leaving.extend(older.tasks.split_off(stay));
        }
        self.stop(
            leaving,
            &format!("Scaling activity initiated by (deployment {id})"),
            now.min(finished.max(0.0)).min(now),
        );
        if !complete {
            return;
        }
        self.deployments.truncate(1);
        if let Some(primary) = self.deployments.first_mut() {
            primary.rollout = Rollout::Completed;
            primary.updated = finished;
            if !primary.reason.contains("circuit breaker") {
                primary.reason = format!("ECS deployment {id} completed.");
            }
        }
        let groups: Vec<String> = self.target_groups().map(str::to_owned).collect();
        for group in groups {
            self.event(finished, format!("registered {desired} targets in (target-group {group})"));
        }
        self.event(finished, format!("(deployment {id}) deployment completed."));
        self.event(finished, "has reached a steady state.".into());
    }

    /// The target groups that its tasks are registered in.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        let balancers = self.spec.get("loadBalancers").and_then(Value::as_array);
        balancers.into_iter().flatten().filter_map(|balancer| balancer["targetGroupArn"].as_str())
    }

    /// All tasks that are not stopped.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.deployments.iter().flat_map(|deployment| &deployment.tasks)
    }

    /// How many tasks run, and how many are on their way.
    pub fn counts(&self, now: f64) -> (usize, usize) {
        self.deployments.iter().fold((0, 0), |(running, pending), deployment| {
            let (more_running, more_pending) = deployment.counts(now);
            (running + more_running, pending + more_pending)
        })
    }
}

impl Deployment {
    /// How many of its tasks run, and how many are on their way.
    pub fn counts(&self, now: f64) -> (usize, usize) {
        let running = self.tasks.iter().filter(|task| task.running <= now).count();
        let starting =
            usize::from(self.definition.broken().is_some() && self.rollout == Rollout::InProgress && self.desired > 0);
        (running, self.tasks.len() - running + starting)
    }
}

fn deployment_id() -> String {
    let digits: String = crate::cloud::random_id().bytes().take(19).map(|byte| char::from(b'0' + byte % 10)).collect();
    format!("ecs-svc/{digits}")
}

#[cfg(test)]
mod tests;
