# Every command of `cargo xtask` under the name that the systems' documents use.
#   make plan ENV=freeside/production
#   make deploy-full ENV=freeside/staging ARGS="--yes"
COMMANDS := environments validate format plan deploy-full destroy drift import output show graph \
	health-check cost-estimate export set-secret unlock backup-state restore-state create-state-bucket torture

.PHONY: help $(COMMANDS) state-list state-rebuild state-migrate state-rm state-mv local-cloud-start local-cloud-stop local-cloud-status local-cloud-faults check

help:
	@cargo xtask --help

$(COMMANDS):
	@cargo xtask $@ $(if $(ENV),--env $(ENV)) $(ARGS)

# `make test-networking`: one crate's developer loop.
test-%:
	@cargo xtask test $* $(ARGS)

state-list state-rebuild state-migrate state-rm state-mv:
	@cargo xtask state $(@:state-%=%) $(if $(ENV),--env $(ENV)) $(ARGS)

local-cloud-start local-cloud-stop local-cloud-status local-cloud-faults:
	@cargo xtask local-cloud $(@:local-cloud-%=%) $(ARGS)

# What lands must pass this.
check:
	@.ci/run
