//! Whether a service's deployment has come to its end, and if not, why.
//!
//! Counts alone say nothing: while ECS brings the deployment before back, all tasks run. What counts is the rollout
//! state of the PRIMARY deployment, and whether that one is a rollback. See the Amazon ECS Developer Guide, "How the
//! Amazon ECS deployment circuit breaker detects failures".

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    Container, Deployment, DeploymentControllerType, DeploymentRolloutState, DesiredStatus, Service, Task,
};
use cloud::{Absent, Aws, AwsResult, Context, Failure, Readiness};

/// What a description of a service says of its deployment.
#[derive(Debug, PartialEq)]
enum Rollout<'a> {
    Complete,
    /// In words; with the deployment where its tasks fail.
    Going(String, Option<Which<'a>>),
    /// In words; with the deployment that failed.
    Failed(String, Which<'a>),
}

/// A deployment, as far as ECS still says which it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Which<'a> {
    id: Option<&'a str>,
    definition: Option<&'a str>,
}

impl<'a> Which<'a> {
    fn of(deployment: &'a Deployment) -> Self {
        Self { id: deployment.id(), definition: deployment.task_definition() }
    }
}

/// Whether the service can be relied on; what failed in words, with the last task's end.
pub(crate) async fn readiness(service: &Service, cx: &Context) -> Result<Readiness, Failure> {
    Ok(match rollout(service) {
        Rollout::Complete => Readiness::Ready,
        Rollout::Going(words, None) => Readiness::Pending(words),
        Rollout::Going(words, Some(failing)) => {
            let end = last_end(&stopped_tasks(service, cx).await?, failing);
            Readiness::Pending(end.map_or(words.clone(), |end| format!("{words}; {end}")))
        }
        Rollout::Failed(words, failed) => {
            let end = last_end(&stopped_tasks(service, cx).await?, failed);
            Readiness::Failed(sentences([Some(words), end, last_events(service, failed)]))
        }
    })
}

fn rollout(service: &Service) -> Rollout<'_> {
    if let Some(status @ ("DRAINING" | "INACTIVE")) = service.status() {
        return Rollout::Failed(format!("the service is being deleted ({status})"), Which::default());
    }
    let deployments = service.deployments();
    let Some(primary) = deployments.iter().find(|it| it.status() == Some("PRIMARY")) else {
        return Rollout::Going("no deployment yet".to_owned(), None);
    };
    if let Some((words, failed)) = failure(service, primary) {
        return Rollout::Failed(words, failed);
    }
    let counts = format!("{} of {} tasks running", primary.running_count, primary.desired_count);
    let enough = primary.running_count == primary.desired_count;
    let done = match (primary.rollout_state(), controller(service)) {
        (Some(state), _) => *state == DeploymentRolloutState::Completed,
        // Only ECS's own rolling deployments have a rollout state.
        (None, DeploymentControllerType::Ecs) => false,
        (None, _) => deployments.len() <= 1 && service.pending_count == 0,
    };
    // A description may be older than the update it is asked about.
    let current = primary.task_definition() == service.task_definition() || service.task_definition().is_none();
    match (done && current && enough, primary.failed_tasks) {
        (true, _) => Rollout::Complete,
        (false, 0) if enough && primary.desired_count > 0 => {
            Rollout::Going(format!("{counts}, waiting for them to be healthy and the old ones to leave"), None)
        }
        (false, 0) => Rollout::Going(counts, None),
        (false, failed) => Rollout::Going(format!("{counts}, {failed} failed"), Some(Which::of(primary))),
    }
}

fn controller(service: &Service) -> DeploymentControllerType {
    service.deployment_controller().map_or(DeploymentControllerType::Ecs, |it| it.r#type.clone())
}

/// Whether the newest deployment failed: itself, or in that the PRIMARY one is a rollback.
fn failure<'a>(service: &'a Service, primary: &'a Deployment) -> Option<(String, Which<'a>)> {
    if primary.rollout_state() == Some(&DeploymentRolloutState::Failed) {
        let reason = primary.rollout_state_reason().unwrap_or("ECS says no reason");
        return Some((format!("the deployment of {} failed: {reason}", definition(primary)), Which::of(primary)));
    }
    // The reason says so while ECS brings a deployment back; afterwards only the events do.
    let by_reason = primary.rollout_state_reason().is_some_and(|reason| reason.contains("rolling back"));
    let by_event = primary.id().is_some_and(|id| {
        let rollback = |message: &str| message.contains("rolling back to deployment") && message.contains(id);
        messages(service).any(rollback)
    });
    if !by_reason && !by_event {
        return None;
    }
    let other = |it: &&Deployment| it.status() != Some("PRIMARY") && it.task_definition() != primary.task_definition();
    let failed = service.deployments().iter().filter(other).max_by_key(|it| it.created_at().map(|at| at.secs()));
    let event = messages(service).find_map(failed_event);
    let what = failed.map_or("the deployment".to_owned(), |it| format!("the deployment of {}", definition(it)));
    let reason = failed
        .filter(|it| it.rollout_state() == Some(&DeploymentRolloutState::Failed))
        .and_then(Deployment::rollout_state_reason)
        .or(event.map(|(_, reason)| reason))
        .unwrap_or("its tasks did not become healthy");
    let words = format!("{what} failed: {}; ECS rolled back to {}", reason.trim_end_matches('.'), definition(primary));
    let gone = Which { id: event.map(|(id, _)| id), definition: None };
    Some((words, failed.map_or(gone, Which::of)))
}

/// The service's events, the newest first.
fn messages(service: &Service) -> impl Iterator<Item = &str> {
    service.events().iter().filter_map(|event| event.message())
}

/// Id and reason in `(service api) (deployment ecs-svc/123) deployment failed: tasks failed to start.`
fn failed_event(message: &str) -> Option<(&str, &str)> {
    let (before, reason) = message.split_once(") deployment failed: ")?;
    let (_, id) = before.rsplit_once("(deployment ")?;
    Some((id, reason))
}

/// `family:revision` of a deployment.
fn definition(deployment: &Deployment) -> &str {
    let arn = deployment.task_definition().unwrap_or("its task definition");
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The service's stopped tasks; ECS forgets them after an hour.
async fn stopped_tasks(service: &Service, cx: &Context) -> Result<Vec<Task>, Failure> {
    let (cluster, name) = (service.cluster_arn(), service.service_name());
    let client = cx.client(Client::new);
    let list = client
        .list_tasks()
        .set_cluster(cluster.map(str::to_owned))
        .set_service_name(name.map(str::to_owned))
        .desired_status(DesiredStatus::Stopped);
    let Some(listed) = list.send().await.aws("ecs:ListTasks").absent()? else { return Ok(Vec::new()) };
    let arns = listed.task_arns.unwrap_or_default();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let describe = client.describe_tasks().set_cluster(cluster.map(str::to_owned)).set_tasks(Some(arns));
    let described = describe.send().await.aws("ecs:DescribeTasks")?;
    Ok(described.tasks.unwrap_or_default())
}

/// How the last task of a deployment came to its end, in words.
fn last_end(tasks: &[Task], of: Which<'_>) -> Option<String> {
    let started = |task: &&Task| of.id.is_some() && task.started_by() == of.id;
    let defined = |task: &&Task| of.definition.is_some() && task.task_definition_arn() == of.definition;
    let ended = |task: &&Task| task.stopped_at().map(|at| at.secs());
    let by_deployment = tasks.iter().filter(started).max_by_key(ended);
    let task = by_deployment.or_else(|| tasks.iter().filter(defined).max_by_key(ended))?;
    let stopped = task.stopped_reason().unwrap_or("ECS says no reason");
    // The container that ended first and badly, not those that were stopped for it.
    let guilty = |it: &&Container| it.exit_code.is_some_and(|code| code != 0) || it.reason().is_some();
    let container = task.containers().iter().find(guilty);
    if let Some(words) = pull_failure(stopped, container.or(task.containers().first())) {
        return Some(words);
    }
    let ended = container.map(|container| {
        let name = container.name().unwrap_or_default();
        let code = container.exit_code.map(|code| format!(" exited with code {code}{}", meaning(code)));
        let reason = container.reason().map(|reason| format!(" ({reason})"));
        format!(": container `{name}`{}{}", code.unwrap_or_default(), reason.unwrap_or_default())
    });
    Some(format!("the last task stopped: {stopped}{}", ended.unwrap_or_default()))
}

/// What some exit codes are known for.
fn meaning(code: i32) -> &'static str {
    match code {
        126 => " (the command cannot be run)",
        127 => " (the command is not in the image)",
        137 => " (killed: out of memory, or it did not stop in time)",
        139 => " (segmentation fault)",
        143 => " (asked to stop)",
        _ => "",
    }
}

fn pull_failure(stopped: &str, container: Option<&Container>) -> Option<String> {
    let reason = container.and_then(Container::reason).unwrap_or_default();
    let pull = [stopped, reason].into_iter().find(|words| words.contains("CannotPull"))?;
    let image = container.and_then(Container::image).unwrap_or("of the task definition");
    let missing = ["not found", "manifest unknown", "does not exist"].iter().any(|words| pull.contains(words));
    let next = if missing {
        "it is not in its repository: push it, then deploy again"
    } else {
        "push it if it is not there, and see that the execution role may pull it and that the subnets reach the registry"
    };
    Some(format!("the image {image} cannot be pulled: {next} ({pull})"))
}

/// The three events up to the deployment's failure, else the last three; oldest first.
fn last_events(service: &Service, failed: Which<'_>) -> Option<String> {
    let failure = |message: &str| failed_event(message).is_some_and(|(id, _)| failed.id == Some(id));
    let from = messages(service).position(failure).unwrap_or(0);
    let mut last: Vec<&str> = messages(service).skip(from).take(3).collect();
    last.reverse();
    (!last.is_empty()).then(|| format!("last events: {}", last.join(" | ")))
}

/// Whole sentences but for the last full stop, the first without a capital.
fn sentences(parts: [Option<String>; 3]) -> String {
    let mut text = String::new();
    for part in parts.into_iter().flatten() {
        let part = part.trim_end_matches('.');
        if text.is_empty() {
            text.push_str(part);
            continue;
        }
        let mut letters = part.chars();
        text.push_str(". ");
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::ServiceEvent;
    use aws_sdk_ecs::types::builders::{DeploymentBuilder, ServiceBuilder};

    use super::*;

    const OLD: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/api:3";
    const NEW: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/api:4";

    fn deployment(id: &str, status: &str, definition: &str, state: DeploymentRolloutState) -> DeploymentBuilder {
        let created = if definition == OLD { 1 } else { 2 };
        Deployment::builder()
            .id(id)
            .status(status)
            .task_definition(definition)
            .rollout_state(state)
            .created_at(DateTime::from_secs(created))
            .desired_count(2)
            .running_count(2)
    }

    fn service(definition: &str) -> ServiceBuilder {
        Service::builder().status("ACTIVE").task_definition(definition)
    }

    fn event(message: &str) -> ServiceEvent {
        ServiceEvent::builder().message(message).build()
    }

    #[test]
    fn complete_is_what_the_rollout_state_says() {
        use DeploymentRolloutState::{Completed, InProgress};
        let build = |state, running| {
            let primary = deployment("ecs-svc/2", "PRIMARY", NEW, state).running_count(running).build();
            service(NEW).deployments(primary).build()
        };
        assert_eq!(rollout(&build(Completed, 2)), Rollout::Complete);
        assert_eq!(rollout(&build(Completed, 1)), Rollout::Going("1 of 2 tasks running".to_owned(), None));
        assert!(matches!(rollout(&build(InProgress, 2)), Rollout::Going(words, None) if words.contains("healthy")));
        let none = deployment("ecs-svc/2", "PRIMARY", NEW, Completed).desired_count(0).running_count(0).build();
        assert_eq!(rollout(&service(NEW).deployments(none).build()), Rollout::Complete);
    }

    #[test]
    fn a_description_older_than_the_update_is_not_believed() {
        let primary = deployment("ecs-svc/1", "PRIMARY", OLD, DeploymentRolloutState::Completed).build();
        assert!(matches!(rollout(&service(NEW).deployments(primary).build()), Rollout::Going(..)));
    }

    #[test]
    fn counts_alone_do_for_foreign_controllers_only() {
        let mut primary = deployment("ecs-svc/1", "PRIMARY", OLD, DeploymentRolloutState::Completed).build();
        primary.rollout_state = None;
        let ecs = service(OLD).deployments(primary.clone()).build();
        assert!(matches!(rollout(&ecs), Rollout::Going(..)));
        let controller = aws_sdk_ecs::types::DeploymentController::builder().r#type(DeploymentControllerType::External);
        let external = service(OLD).deployments(primary).deployment_controller(controller.build().unwrap()).build();
        assert_eq!(rollout(&external), Rollout::Complete);
    }

    #[test]
    fn failing_tasks_are_told_before_the_end() {
        let primary = deployment("ecs-svc/2", "PRIMARY", NEW, DeploymentRolloutState::InProgress)
            .running_count(0)
            .failed_tasks(3)
            .build();
        let service = service(NEW).deployments(primary.clone()).build();
        assert_eq!(
            rollout(&service),
            Rollout::Going("0 of 2 tasks running, 3 failed".to_owned(), Some(Which::of(&primary)))
        );
    }

    #[test]
    fn a_failed_deployment_says_why() {
        let primary = deployment("ecs-svc/2", "PRIMARY", NEW, DeploymentRolloutState::Failed)
            .rollout_state_reason("ECS deployment circuit breaker: tasks failed to start.")
            .build();
        let service = service(NEW).deployments(primary).build();
        let Rollout::Failed(words, _) = rollout(&service) else { panic!("not failed") };
        assert_eq!(words, "the deployment of api:4 failed: ECS deployment circuit breaker: tasks failed to start.");
    }

    #[test]
    fn a_rollback_is_a_failure_while_it_goes_on_and_after() {
        let failed = deployment("ecs-svc/2", "ACTIVE", NEW, DeploymentRolloutState::Failed)
            .rollout_state_reason("ECS deployment circuit breaker: tasks failed to start.")
            .build();
        let going = deployment("ecs-svc/3", "PRIMARY", OLD, DeploymentRolloutState::InProgress)
            .rollout_state_reason("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3.")
            .build();
        let service_going = service(OLD).deployments(going).deployments(failed).build();
        let Rollout::Failed(words, which) = rollout(&service_going) else { panic!("not failed") };
        let reason = "ECS deployment circuit breaker: tasks failed to start";
        assert_eq!(words, format!("the deployment of api:4 failed: {reason}; ECS rolled back to api:3"));
        assert_eq!(which, Which { id: Some("ecs-svc/2"), definition: Some(NEW) });

        let done = deployment("ecs-svc/3", "PRIMARY", OLD, DeploymentRolloutState::Completed)
            .rollout_state_reason("ECS deployment ecs-svc/3 completed.")
            .build();
        let events = [
            event("(service api) has reached a steady state."),
            event("(service api) rolling back to deployment ecs-svc/3."),
            event("(service api) (deployment ecs-svc/2) deployment failed: tasks failed to start."),
        ];
        let service_done = service(OLD).deployments(done).set_events(Some(events.to_vec())).build();
        let Rollout::Failed(words, which) = rollout(&service_done) else { panic!("a rollback taken for success") };
        assert_eq!(words, "the deployment failed: tasks failed to start; ECS rolled back to api:3");
        assert_eq!(which, Which { id: Some("ecs-svc/2"), definition: None });
        assert_eq!(
            last_events(&service_done, which).unwrap(),
            "last events: (service api) (deployment ecs-svc/2) deployment failed: tasks failed to start."
        );

        // The next deployment is judged by itself.
        let next = deployment("ecs-svc/4", "PRIMARY", NEW, DeploymentRolloutState::Completed).build();
        let service_next = service(NEW).deployments(next).set_events(Some(events.to_vec())).build();
        assert_eq!(rollout(&service_next), Rollout::Complete);
    }

    fn task(deployment: &str, definition: &str, stopped: &str, at: i64, container: Container) -> Task {
        Task::builder()
            .started_by(deployment)
            .task_definition_arn(definition)
            .stopped_reason(stopped)
            .stopped_at(DateTime::from_secs(at))
            .containers(container)
            .build()
    }

    #[test]
    fn the_last_end_is_of_the_deployment_and_the_guilty_container() {
        let exited = |code| Container::builder().name("api").exit_code(code).build();
        let scaled = "Scaling activity initiated by (deployment ecs-svc/1)";
        let tasks = [
            task("ecs-svc/2", NEW, "Essential container in task exited", 10, exited(1)),
            task("ecs-svc/2", NEW, "Essential container in task exited", 20, exited(137)),
            task("ecs-svc/1", OLD, scaled, 30, exited(0)),
        ];
        let killed = "the last task stopped: Essential container in task exited: container `api` exited with code 137 \
                      (killed: out of memory, or it did not stop in time)";
        let by_id = Which { id: Some("ecs-svc/2"), definition: None };
        let by_definition = Which { id: Some("ecs-svc/9"), definition: Some(NEW) };
        assert_eq!(last_end(&tasks, by_id).unwrap(), killed);
        assert_eq!(last_end(&tasks, by_definition).unwrap(), killed);
        let old = Which { id: Some("ecs-svc/1"), definition: None };
        assert_eq!(last_end(&tasks, old).unwrap(), format!("the last task stopped: {scaled}"));
        assert_eq!(last_end(&tasks, Which::default()), None);
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_named() {
        let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/arrakis-production-api:latest";
        let reason =
            format!("CannotPullContainerError: pull image manifest has been retried 1 time(s): {image}: not found");
        let container = Container::builder().name("api").image(image).reason(&reason).build();
        let of = Which { id: Some("ecs-svc/2"), definition: None };
        let words = last_end(&[task("ecs-svc/2", NEW, "Task failed to start", 1, container)], of).unwrap();
        let start = format!("the image {image} cannot be pulled: it is not in its repository: push it");
        assert!(words.starts_with(&start), "{words}");
        assert!(words.contains(&reason), "{words}");
    }

    #[test]
    fn the_last_events_are_in_order_of_time() {
        let messages = ["4", "3", "2", "1"].map(event).to_vec();
        let service = service(NEW).set_events(Some(messages)).build();
        assert_eq!(last_events(&service, Which::default()).unwrap(), "last events: 2 | 3 | 4");
    }

    #[test]
    fn words_become_sentences() {
        assert_eq!(
            sentences([Some("it failed.".into()), None, Some("last events: a".into())]),
            "it failed. Last events: a"
        );
    }
}
