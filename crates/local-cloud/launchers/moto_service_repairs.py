"""Services beside the network: what moto answers wrongly, put right inside it."""

import json

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.core.utils import camelcase_to_underscores
from moto.ecr.models import ECRBackend
from moto.logs.metric_filters import MetricFilters
from moto.logs.models import LogsBackend
from moto.secretsmanager.models import SecretsManagerBackend
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend
from moto.sns.utils import make_arn_for_topic
from moto_repairs import around

# Application Auto Scaling


@around(ApplicationAutoscalingBackend, "put_scaling_policy")
def changed_policy_keeps_its_arn(
    original, self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type
):
    """moto makes up a new one."""
    key = FakeApplicationAutoscalingPolicy.formulate_key(
        service_namespace, resource_id, scalable_dimension, policy_name
    )
    old = self.policies.get(key)
    new = original(policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type)
    if old is not None:
        new.policy_arn = old.policy_arn
    return new


# Logs


@around(MetricFilters, "add_filter")
def filter_of_the_same_name_is_replaced(
    original, self, filter_name, filter_pattern, log_group_name, metric_transformations
):
    """moto adds a second one."""
    self.metric_filters[:] = [
        known
        for known in self.metric_filters
        if (known["filterName"], known["logGroupName"]) != (filter_name, log_group_name)
    ]
    return original(filter_name, filter_pattern, log_group_name, metric_transformations)


@around(LogsBackend, "delete_log_group")
def filters_go_with_their_group(original, self, log_group_name):
    """moto keeps them."""
    answer = original(log_group_name)
    filters = self.filters.metric_filters
    filters[:] = [known for known in filters if known["logGroupName"] != log_group_name]
    return answer


# Container registry


@around(ECRBackend, "put_image_scanning_configuration")
def scanning_is_off_where_not_said(original, self, registry_id, repository_name, image_scan_config):
    """moto takes an absent scanOnPush for no change; on AWS it is false."""
    return original(registry_id, repository_name, image_scan_config or {"scanOnPush": False})


# Simple Notification Service


def same_value(one, other):
    """Policies are the same however they are written."""
    try:
        return json.loads(one) == json.loads(other)
    except (TypeError, ValueError):
        return str(one) == str(other)


@around(SNSBackend, "create_topic")
def topic_that_exists_otherwise(original, self, name, attributes=None, tags=None):
    """moto returns the old one, whatever it is asked for; AWS only if it has what is asked for."""
    topic = self.topics.get(make_arn_for_topic(self.account_id, name, self.region_name))
    if topic is not None:
        for attribute, value in (attributes or {}).items():
            if not same_value(getattr(topic, camelcase_to_underscores(attribute), None), value):
                raise SNSInvalidParameter(
                    "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
                )
        if any(topic._tags.get(key) != value for key, value in (tags or {}).items()):
            raise SNSInvalidParameter("Invalid parameter: Tags Reason: Topic already exists with different tags")
    return original(name, attributes, tags)


# Secrets Manager


@around(SecretsManagerBackend, "update_secret")
def description_can_be_emptied(original, self, secret_id, *args, **kwargs):
    """moto takes an empty description for none."""
    result = original(secret_id, *args, **kwargs)
    if kwargs.get("description") == "":
        self.secrets[secret_id].description = None
    return result
