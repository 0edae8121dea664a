# Every command of `cargo xtask` under the name that the systems' documents use.
#   make plan ENV=freeside/production
#   make deploy-full ENV=freeside/staging ARGS="--yes"
COMMANDS := environments validate format plan deploy-full destroy output show graph \
	health-check cost-estimate export set-secret

.PHONY: help $(COMMANDS) state-list local-cloud-start local-cloud-stop local-cloud-status check

help:
	@cargo xtask --help

$(COMMANDS):
	@cargo xtask $@ $(if $(ENV),--env $(ENV)) $(ARGS)

# `make test-networking`: one crate's developer loop.
test-%:
	@cargo xtask test $* $(ARGS)

state-list:
	@cargo xtask state list $(if $(ENV),--env $(ENV)) $(ARGS)

local-cloud-start local-cloud-stop local-cloud-status:
	@cargo xtask local-cloud $(@:local-cloud-%=%) $(ARGS)

# What lands must pass this.
check:
	@.ci/run
