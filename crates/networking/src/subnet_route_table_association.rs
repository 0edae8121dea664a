//! `AWS::EC2::SubnetRouteTableAssociation`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-subnetroutetableassociation.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{RouteTable as SdkRouteTable, RouteTableAssociation, RouteTableAssociationStateCode};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource};
use engine::resource::Tagged;
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::route_table;

/// Which route table a subnet follows; without one it follows the VPC's main table.
///
/// `Ref` is the association's id, also attribute `Id`. Making a second one for a subnet moves the subnet over in one
/// step, and ends the first: so a replacement interrupts nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SubnetRouteTableAssociation {
    /// The route table's id.
    pub route_table_id: Option<String>,
    /// The subnet's id.
    pub subnet_id: Option<String>,
}

impl Resource for SubnetRouteTableAssociation {
    const TYPE: &'static str = "AWS::EC2::SubnetRouteTableAssociation";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let client = cx.client(Client::new);
        let associate = client
            .associate_route_table()
            .set_route_table_id(self.route_table_id.clone())
            .set_subnet_id(self.subnet_id.clone());
        let action = "ec2:AssociateRouteTable";
        let id = match associate.send().await.aws(action).soon() {
            Ok(made) => made.association_id,
            Err(failure) if failure.code == "Resource.AlreadyAssociated" => {
                let Some(other) = self.of_subnet(cx).await? else { return Err(failure) };
                if other.route_table_id == self.route_table_id {
                    other.route_table_association_id
                } else {
                    let replace = client
                        .replace_route_table_association()
                        .set_association_id(other.route_table_association_id)
                        .set_route_table_id(self.route_table_id.clone());
                    replace.send().await.aws("ec2:ReplaceRouteTableAssociation")?.new_association_id
                }
            }
            Err(failure) => return Err(failure),
        };
        id.map(created).ok_or_else(|| Failure::missing(action, "AssociationId"))
    }

    /// Both properties are of its identity.
    async fn sync(&self, _: &str, _: Option<&Self>, _: &Context) -> Result<(), Failure> {
        Ok(())
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let has = |table: &SdkRouteTable, id: &str| association(table, id).is_some();
        let found = route_table::read(ids, "association.route-table-association-id", has, cx).await?;
        let live = |id: &String| {
            let association = found.iter().find_map(|table| association(table, id))?;
            let properties =
                Self { route_table_id: association.route_table_id.clone(), subnet_id: association.subnet_id.clone() };
            Some(Live::new(properties).with("Id", id.as_str()))
        };
        Ok(ids.iter().map(live).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let end = cx.client(Client::new).disassociate_route_table().association_id(id);
        end.send().await.aws("ec2:DisassociateRouteTable").absent().map(drop)
    }

    /// An association carries no tag: it is this one if it joins the same two.
    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let association = self.of_subnet(cx).await?.filter(|found| found.route_table_id == self.route_table_id);
        Ok(association.and_then(|association| association.route_table_association_id).map(created))
    }

    /// An association that is not declared any more is known by its table's tags. The table cannot be deleted while it is
    /// there.
    async fn unlisted(cx: &Context) -> Result<Vec<Tagged>, Failure> {
        let tables = route_table::of_environment(cx).await?;
        let of = |table: &SdkRouteTable| {
            let explicit = table.associations().iter().filter(|one| one.subnet_id().is_some() && stands(one));
            let ids = explicit.filter_map(|one| one.route_table_association_id.clone());
            ids.filter_map(|id| ec2::part(id.clone(), table.tags(), &id)).collect::<Vec<_>>()
        };
        Ok(tables.iter().flat_map(of).collect())
    }
}

impl SubnetRouteTableAssociation {
    /// The association that the subnet has now.
    async fn of_subnet(&self, cx: &Context) -> Result<Option<RouteTableAssociation>, Failure> {
        let Some(subnet) = &self.subnet_id else { return Ok(None) };
        let at = |table: &SdkRouteTable, subnet: &str| {
            table.associations().iter().find(|found| found.subnet_id() == Some(subnet) && stands(found)).cloned()
        };
        let has = |table: &SdkRouteTable, subnet: &str| at(table, subnet).is_some();
        let found = route_table::read(std::slice::from_ref(subnet), "association.subnet-id", has, cx).await?;
        Ok(found.iter().find_map(|table| at(table, subnet)))
    }
}

fn created(id: String) -> Created {
    Created::new(id.clone()).with("Id", id)
}

fn association<'a>(table: &'a SdkRouteTable, id: &str) -> Option<&'a RouteTableAssociation> {
    table.associations().iter().find(|found| found.route_table_association_id() == Some(id) && stands(found))
}

fn stands(association: &RouteTableAssociation) -> bool {
    use RouteTableAssociationStateCode::{Disassociated, Disassociating, Failed};
    let state = association.association_state().and_then(|state| state.state());
    !matches!(state, Some(Disassociating | Disassociated | Failed))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::RouteTableAssociationState;

    use super::*;

    #[test]
    fn an_association_that_ends_is_not_there() {
        use RouteTableAssociationStateCode::{Associated, Associating, Disassociated, Disassociating, Failed};
        let cases =
            [(Associated, true), (Associating, true), (Disassociating, false), (Disassociated, false), (Failed, false)];
        for (code, there) in cases {
            let state = RouteTableAssociationState::builder().state(code.clone()).build();
            let association = RouteTableAssociation::builder().route_table_association_id("rtbassoc-1");
            let table = SdkRouteTable::builder().associations(association.association_state(state).build()).build();
            assert_eq!(super::association(&table, "rtbassoc-1").is_some(), there, "{code:?}");
            assert!(super::association(&table, "rtbassoc-2").is_none());
        }
    }
}
