//! Writes phases into AWS's XML answers.

use super::lifecycles::{Lifecycles, Phase};
use super::table::{HOLDING, Kind, Shape};
use crate::xml::Element;

/// Visits each description of a kind in an answer.
pub(super) fn each(root: &mut Element, shape: &Shape, visit: &mut dyn FnMut(&mut Element)) {
    if root.name == shape.single {
        visit(root);
        return;
    }
    let mut listed = false;
    root.each_mut(shape.list, &mut |list| {
        listed = true;
        list.children.iter_mut().filter(|child| child.name == shape.item).for_each(&mut *visit);
    });
    if !listed {
        root.each_mut(shape.single, visit);
    }
}

/// The identifiers described in an answer.
pub(super) fn ids(root: &mut Element, kind: &Kind) -> Vec<String> {
    let mut found = Vec::new();
    each(root, &kind.shape, &mut |item| {
        // Gateway endpoints take no time.
        if item.get("vpcEndpointType").as_deref() != Some("Gateway") {
            found.extend(item.get(kind.shape.id));
        }
    });
    found
}

/// Rewrites every description of a kind to what AWS would say now.
pub(super) fn rewrite(root: &mut Element, kind: &Kind, region: &str, lifecycles: &Lifecycles, now: f64) {
    let shape = &kind.shape;
    each(root, shape, &mut |item| {
        let Some(id) = item.get(shape.id) else { return };
        if let Some(phase) = lifecycles.phase(&super::key(kind, region, &id), now) {
            write(item, shape, &phase);
        }
    });
}

/// Writes one phase into one description.
pub(super) fn write(item: &mut Element, shape: &Shape, phase: &Phase) {
    let status = match phase {
        Phase::Creating => shape.creating,
        Phase::Modifying => shape.modifying,
        Phase::Deleting => shape.deleting,
    };
    match shape.status.split_once('/') {
        Some((outer, inner)) => match item.child_mut(outer) {
            Some(element) => element.set(inner, status),
            None => item.children.push(Element::branch(outer, vec![Element::leaf(inner, status)])),
        },
        None => item.set(shape.status, status),
    }
    if *phase == Phase::Creating {
        for name in shape.hidden {
            item.remove(name);
        }
    }
}

/// Adds descriptions of what the emulator has forgotten and AWS would still describe.
pub(super) fn append(root: &mut Element, shape: &Shape, leaving: Vec<Element>) {
    let mut leaving = Some(leaving);
    let mut add = |list: &mut Element| {
        for mut item in leaving.take().into_iter().flatten() {
            shape.item.clone_into(&mut item.name);
            write(&mut item, shape, &Phase::Deleting);
            list.children.push(item);
        }
    };
    match root.find_mut(shape.list) {
        Some(list) => add(list),
        None => {
            let mut list = Element::branch(shape.list, Vec::new());
            add(&mut list);
            match shape.envelope.get(1).and_then(|result| root.child_mut(result)) {
                Some(result) => result.children.push(list),
                None => root.children.push(list),
            }
        }
    }
}

/// An answer that describes nothing.
pub(super) fn empty(shape: &Shape) -> Element {
    shape
        .envelope
        .iter()
        .rev()
        .fold(Element::branch(shape.list, Vec::new()), |inner, name| Element::branch(name, vec![inner]))
}

/// What a described resource uses.
pub(super) fn holds(item: &Element) -> Vec<String> {
    let mut found = Vec::new();
    for name in HOLDING {
        item.each(name, &mut |element| found.push(element.text()));
    }
    // Load balancers list their security groups as bare members.
    if let Some(groups) = item.child("SecurityGroups") {
        found.extend(groups.children.iter().filter(|child| child.children.is_empty()).map(Element::text));
    }
    found.retain(|id| !id.is_empty());
    let public = item.find("allocationId").is_some()
        || item.get("Scheme").as_deref() == Some("internet-facing")
        || item.get("PubliclyAccessible").as_deref() == Some("true");
    if public {
        let vpc = item.find("vpcId").or_else(|| item.find("VpcId"));
        found.extend(vpc.map(|vpc| public_addresses(&vpc.text())));
    }
    found
}

/// What holds a VPC's internet gateway: only what has a public address in the VPC.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html>
pub(super) fn public_addresses(vpc: &str) -> String {
    format!("public addresses of {vpc}")
}

#[cfg(test)]
mod tests {
    use super::super::lifecycles::Key;
    use super::super::table::KINDS;
    use super::*;

    fn kind(name: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.name == name).unwrap()
    }

    fn key(kind: &Kind, id: &str) -> Key {
        Key { kind: kind.name, region: "us-east-1".into(), id: id.into() }
    }

    #[test]
    fn creating_hides_the_endpoint() {
        let kind = kind("AWS::RDS::DBInstance");
        let text = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>\
            <DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus><Endpoint><Port>1</Port></Endpoint></DBInstance>\
            <DBInstance><DBInstanceIdentifier>b</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus><Endpoint><Port>1</Port></Endpoint></DBInstance>\
            </DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";
        let mut root = Element::parse(text.as_bytes()).unwrap();
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key(kind, "a"), 0.0, 10.0);
        rewrite(&mut root, kind, "us-east-1", &lifecycles, 5.0);
        let states: Vec<_> = {
            let mut found = Vec::new();
            each(&mut root, &kind.shape, &mut |item| {
                found.push((item.get("DBInstanceStatus").unwrap(), item.child("Endpoint").is_some()))
            });
            found
        };
        assert_eq!(states, [("creating".to_owned(), false), ("available".to_owned(), true)]);
    }

    #[test]
    fn nested_states_and_empty_answers() {
        let balancer = kind("AWS::ElasticLoadBalancingV2::LoadBalancer");
        let mut item = Element::parse(b"<member><LoadBalancerArn>x</LoadBalancerArn><State><Code>active</Code></State><SecurityGroups><member>sg-1</member></SecurityGroups></member>").unwrap();
        write(&mut item, &balancer.shape, &Phase::Creating);
        assert_eq!(item.child("State").unwrap().get("Code").unwrap(), "provisioning");
        assert_eq!(holds(&item), ["sg-1"]);
        item.set("VpcId", "vpc-1");
        assert_eq!(holds(&item), ["vpc-1", "sg-1"], "an internal one has no public address");
        item.set("Scheme", "internet-facing");
        assert_eq!(holds(&item), ["vpc-1", "sg-1", &public_addresses("vpc-1")]);

        let endpoint = kind("AWS::EC2::VPCEndpoint");
        let mut root = empty(&endpoint.shape);
        assert_eq!(
            root.write().lines().last().unwrap(),
            "<DescribeVpcEndpointsResponse><vpcEndpointSet/></DescribeVpcEndpointsResponse>"
        );
        append(
            &mut root,
            &endpoint.shape,
            vec![Element::branch("vpcEndpoint", vec![Element::leaf("vpcEndpointId", "vpce-1")])],
        );
        assert_eq!(ids(&mut root, endpoint), ["vpce-1"]);
        assert_eq!(root.find("state").unwrap().text(), "deleting");
    }
}
