use serde_json::json;

use super::super::model::Container;
use super::*;

fn definition(arn: &str, image: &str) -> Arc<TaskDefinition> {
    let container = Container { name: "api".into(), image: image.into(), has_health_check: true };
    Arc::new(TaskDefinition { arn: arn.into(), containers: vec![container], ..TaskDefinition::default() })
}

fn service(seconds: f64, breaker: bool, rollback: bool) -> Service {
    let mut service = Service::new("api", "arn:c", seconds, 0.0);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": breaker, "rollback": rollback}});
    service.spec.insert("deploymentConfiguration".into(), breaker);
    service
}

fn primary(service: &Service) -> &Deployment {
    &service.deployments[0]
}

#[test]
fn instant_is_complete_at_once() {
    let mut service = service(0.0, false, false);
    service.deploy(definition("td:1", "api:1"), 2, 10.0);
    service.advance(10.0);
    assert_eq!(primary(&service).rollout, Rollout::Completed);
    assert_eq!(service.counts(10.0), (2, 0));
    assert!(service.events[0].message.ends_with("has reached a steady state."));
}

#[test]
fn tasks_come_up_one_after_the_other() {
    let mut service = service(100.0, false, false);
    service.deploy(definition("td:1", "api:1"), 2, 0.0);
    for (now, running, rollout) in [
        (0.0, 0, Rollout::InProgress),
        (31.0, 1, Rollout::InProgress),
        (61.0, 2, Rollout::InProgress),
        (100.0, 2, Rollout::Completed),
    ] {
        service.advance(now);
        assert_eq!(service.counts(now), (running, 2 - running), "{now}");
        assert_eq!(primary(&service).rollout, rollout, "{now}");
    }
}

#[test]
fn a_new_deployment_takes_over_without_a_gap() {
    let mut service = service(100.0, false, false);
    service.deploy(definition("td:1", "api:1"), 4, 0.0);
    service.advance(100.0);
    service.deploy(definition("td:2", "api:2"), 4, 200.0);
    for now in [200.0, 226.0, 251.0, 276.0, 299.0] {
        service.advance(now);
        let healthy = service.tasks().filter(|task| task.healthy <= now).count();
        assert!(healthy >= 4, "{now}: {healthy}");
        assert_eq!(service.deployments.len(), 2, "{now}");
    }
    service.advance(300.0);
    assert_eq!(service.deployments.len(), 1);
    assert_eq!((primary(&service).definition.arn.as_str(), service.counts(300.0)), ("td:2", (4, 0)));
    assert_eq!(service.stopped.len(), 4);
}

#[test]
fn broken_without_breaker_goes_on_failing() {
    let mut service = service(90.0, false, false);
    service.deploy(definition("td:1", "broken:1"), 2, 0.0);
    service.advance(91.0);
    assert_eq!((primary(&service).rollout, primary(&service).failed), (Rollout::InProgress, 3));
    service.advance(181.0);
    assert_eq!((primary(&service).rollout, primary(&service).failed), (Rollout::InProgress, 6));
    assert_eq!(service.counts(181.0), (0, 1));
    let end = service.stopped[0].end.as_ref().unwrap();
    assert_eq!((end.exit, end.reason.as_str()), (Some(1), "Essential container in task exited"));
}

#[test]
fn breaker_fails_the_first_deployment() {
    let mut service = service(90.0, true, true);
    service.deploy(definition("td:1", "broken:1"), 2, 0.0);
    service.advance(200.0);
    assert_eq!((primary(&service).rollout, primary(&service).failed), (Rollout::Failed, 3));
    assert_eq!(service.deployments.len(), 1, "there is nothing to roll back to");
}

#[test]
fn breaker_rolls_back_to_what_worked() {
    for seconds in [0.0, 90.0] {
        let mut service = service(seconds, true, true);
        service.deploy(definition("td:1", "api:1"), 2, 0.0);
        service.advance(90.0);
        service.deploy(definition("td:2", "broken:2"), 2, 100.0);
        service.advance(100.0 + seconds);
        if seconds > 0.0 {
            assert_eq!(service.deployments.len(), 3);
            assert_eq!(service.deployments[1].rollout, Rollout::Failed);
            assert!(
                primary(&service)
                    .reason
                    .starts_with("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/")
            );
            assert_eq!(service.tasks().filter(|task| task.healthy <= 190.0).count(), 2, "the old tasks go on");
        }
        service.advance(100.0 + 2.0 * seconds);
        assert_eq!(primary(&service).definition.arn, "td:1");
        assert_eq!(primary(&service).rollout, Rollout::Completed);
        assert_eq!(service.counts(300.0), (2, 0));
    }
}

#[test]
fn scaling_keeps_the_deployment() {
    let mut service = service(100.0, false, false);
    service.deploy(definition("td:1", "api:1"), 2, 0.0);
    service.advance(100.0);
    let id = primary(&service).id.clone();
    service.scale(4, 100.0);
    assert_eq!(service.counts(100.0), (2, 2));
    service.advance(150.0);
    assert_eq!(service.counts(150.0), (4, 0));
    service.scale(1, 160.0);
    assert_eq!(service.counts(160.0), (1, 0));
    assert_eq!((primary(&service).id.as_str(), primary(&service).rollout), (id.as_str(), Rollout::Completed));
    service.scale(0, 170.0);
    assert_eq!(service.counts(170.0), (0, 0));
}

#[test]
fn a_stopped_task_is_replaced() {
    let mut service = service(0.0, false, false);
    service.deploy(definition("td:1", "api:1"), 1, 0.0);
    service.advance(0.0);
    let old = service.tasks().next().unwrap().id.clone();
    assert!(service.replace(&old, "by hand", 1.0).is_some());
    assert!(service.replace("nope", "by hand", 1.0).is_none());
    assert_eq!(service.counts(1.0), (1, 0));
    assert_ne!(service.tasks().next().unwrap().id, old);
    assert_eq!(service.stopped[0].id, old);
}
