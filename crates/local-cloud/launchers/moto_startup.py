"""Makes moto start faster: what it computes at its import, or at the first call, and hardly any call needs, waits until one does.

To be imported before anything of moto. It saves nearly two thirds of the processor time from the start to the first answers.
"""

import botocore.loaders
import moto.utilities.utils

# botocore reads a service's model and the list of endpoints anew for each session; moto makes a session for each list of regions,
# and reads the models itself as well.
parse = botocore.loaders.JSONFileLoader.load_file
parsed = {}


def once(self, path):
    if path not in parsed:
        parsed[path] = parse(self, path)
    return parsed[path]


botocore.loaders.JSONFileLoader.load_file = once
# A model is looked for by a look into the directory of every service, again for each.
list_available_services = botocore.loaders.Loader.list_available_services
available = {}


def listed_once(self, type_name):
    key = (tuple(self.search_paths), type_name)
    if key not in available:
        available[key] = list_available_services(self, type_name)
    return list(available[key])


botocore.loaders.Loader.list_available_services = listed_once

# Which instance types there are in which zone: a file for each region, all read at the import.
OFFERINGS = "ec2/resources/instance_type_offerings/"
load_resource = moto.utilities.utils.load_resource
moto.utilities.utils.load_resource = lambda path: [] if path.startswith(OFFERINGS) else load_resource(path)

from moto.ec2.models import instance_types  # noqa: E402

moto.utilities.utils.load_resource = load_resource


class Offerings(dict):
    """The offerings of a kind of location by region, read when asked for."""

    def __init__(self, kind, regions):
        super().__init__(dict.fromkeys(regions))
        self.kind = kind

    def __getitem__(self, region):
        if super().__getitem__(region) is None:
            offerings = load_resource(f"{OFFERINGS}{self.kind}/{region}.json")
            self[region] = [{**offering, "LocationType": self.kind} for offering in offerings]
        return super().__getitem__(region)

    def get(self, region, default=None):
        return self[region] if region in self else default


for location, by_region in list(instance_types.INSTANCE_TYPE_OFFERINGS.items()):
    instance_types.INSTANCE_TYPE_OFFERINGS[location] = Offerings(location, by_region)

# More than a thousand images in each region, with a snapshot of each.
from moto.ec2.models import EC2Backend  # noqa: E402
from moto.ec2.models.amis import AmiBackend  # noqa: E402

load_amis = AmiBackend._load_amis


def images(self):
    if self.__dict__.pop("_images_to_load", False):
        load_amis(self)
    return self.__dict__["amis"]


AmiBackend._load_amis = lambda self: self.__dict__.update(_images_to_load=True)
AmiBackend.amis = property(images, lambda self, amis: self.__dict__.update(amis=amis))
describe_snapshots = EC2Backend.describe_snapshots
tagged_resources = EC2Backend.iter_tagged_resources


def snapshots_with_those_of_images(self, *args, **kwargs):
    images(self)
    return describe_snapshots(self, *args, **kwargs)


def tagged_resources_without_loading_images(self):
    """AWS's own images have no tags."""
    waiting = self.__dict__.pop("_images_to_load", False)
    try:
        yield from tagged_resources(self)
    finally:
        if waiting:
            self._images_to_load = True


EC2Backend.describe_snapshots = snapshots_with_those_of_images
EC2Backend.iter_tagged_resources = tagged_resources_without_loading_images

# Each call looks for its access key in IAM of all six partitions, and IAM of each loads AWS's managed policies.
from moto.iam import models as iam  # noqa: E402

init_aws_policies = iam.IAMBackend._init_aws_policies
iam.IAMBackend._init_aws_policies = lambda self: init_aws_policies(self) if self.partition == "aws" else []
