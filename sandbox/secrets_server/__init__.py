"""A server that speaks the part of Vault's HTTP API that this project uses; for the sandbox only.

It is a double, not a vault: AppRole, response wrapping, KV version 2, token self-service, policies,
seal and an audit file behave as Vault's documentation says. The contract tests state what that is
and run against a real server too. What it does not know it refuses loudly, so that nothing comes
to depend on an answer that a real server would not give.

`python -m sandbox.secrets_server --port P --dir D` runs it; `running(directory)` does so in tests.
"""

from sandbox.secrets_server.server import SecretsServer, running

__all__ = ["SecretsServer", "running"]
