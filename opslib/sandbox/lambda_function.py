"""What running and logging a function needs of its configuration.

In: a configuration as GetFunctionConfiguration gives it. Out: a `Function`. Must not know the
emulator. Two that are equal can share an execution environment.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Until then an initialization is not yet an invocation's; Lambda Developer Guide, "Init phase".
INIT_LIMIT_S = 10.0
# Lambda sets these itself and refuses them in a configuration; Developer Guide, "Defined runtime
# environment variables".
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
# What a handler needs of the sandbox's own environment: to find programs, and to find neither a
# file nor a metadata service of the person's.
_LENT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "TZ",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_EC2_METADATA_DISABLED",
)


@dataclass(frozen=True, kw_only=True)
class Function:
    """One version of a function.

    Parameters
    ----------
    name, version
        ``$LATEST`` or a number.
    account, region
        Whose it is.
    runtime
        ``python3.12``.
    handler
        ``module.function``.
    timeout_s
        Seconds.
    memory_mb
        Memory Size.
    variables
        Its own environment variables.
    layers
        ARNs of layer versions.
    code_sha256
        As the configuration has it.
    log_group
        Where its lines go.
    as_json
        Whether its log format is JSON.
    application_level, system_level
        Least levels of what is logged; both empty in the format Text, which drops nothing.
    traced
        Whether X-Ray tracing is active.
    """

    name: str
    version: str
    account: str
    region: str
    runtime: str
    handler: str
    timeout_s: float
    memory_mb: int
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    layers: tuple[str, ...]
    code_sha256: str
    log_group: str
    as_json: bool
    application_level: str
    system_level: str
    traced: bool

    @property
    def runtime_version(self) -> str:
        """As INIT_START spells it: ``python:3.12.v38``."""
        return f"{self.runtime.replace('python', 'python:')}.v38"

    @property
    def runtime_version_arn(self) -> str:
        """As INIT_START spells it; the digits stand for the runtime alone."""
        digits = hashlib.sha256(self.runtime.encode()).hexdigest()
        return f"arn:aws:lambda:{self.region}::runtime:{digits}"

    def log_stream(self, environment: str, *, day: str) -> str:
        """Name the log stream of an execution environment.

        Source: Lambda Developer Guide, "Log groups": in a group of its own choosing a function's
        name stands before its version.
        """
        own = self.log_group == f"/aws/lambda/{self.name}"
        return f"{day}/{'' if own else self.name}[{self.version}]{environment}"


def configured(configuration: Mapping[str, Any], *, account: str, region: str) -> Function:
    """Read a function's configuration."""
    name = str(configuration["FunctionName"])
    logging = configuration.get("LoggingConfig") or {}
    as_json = str(logging.get("LogFormat", "Text")).upper() == "JSON"
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    return Function(
        name=name,
        version=str(configuration.get("Version", "$LATEST")),
        account=account,
        region=region,
        runtime=str(configuration.get("Runtime", "")),
        handler=str(configuration.get("Handler", "")),
        timeout_s=float(configuration.get("Timeout", 3)),
        memory_mb=int(configuration.get("MemorySize", 128)),
        variables=tuple(sorted((str(key), str(value)) for key, value in variables.items())),
        layers=tuple(
            str(layer if isinstance(layer, str) else layer.get("Arn", ""))
            for layer in configuration.get("Layers") or ()
        ),
        code_sha256=str(configuration.get("CodeSha256", "")),
        log_group=str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        as_json=as_json,
        application_level=str(logging.get("ApplicationLogLevel") or "INFO") if as_json else "",
        system_level=str(logging.get("SystemLogLevel") or "INFO") if as_json else "",
        traced=(configuration.get("TracingConfig") or {}).get("Mode") == "Active",
    )


def environment_variables(
    function: Function,
    *,
    server: Mapping[str, str],
    credentials: Mapping[str, str],
    endpoint: str,
    task_root: str,
    layer_folders: list[str],
    log_stream: str,
) -> dict[str, str]:
    """Make the whole environment of a handler: Lambda's, the function's, and a way to the sandbox.

    Parameters
    ----------
    server
        The server's own environment, of which little is lent.
    credentials
        What a handler's SDK signs with.
    endpoint
        The sandbox, unless the function's variables name another.
    task_root, layer_folders
        Where its code, and each layer, lies.
    """
    made = {name: server[name] for name in _LENT if name in server}
    made |= {
        "AWS_ENDPOINT_URL": endpoint,
        # A prefixed host would not resolve to the sandbox.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    made |= {name: value for name, value in function.variables if name not in _RESERVED}
    made |= {name: value for name, value in credentials.items() if value}
    made |= {
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if function.as_json else "Text",
        "LAMBDA_TASK_ROOT": task_root,
        "_HANDLER": function.handler,
    }
    if function.as_json:
        made["AWS_LAMBDA_LOG_LEVEL"] = function.application_level
    programs = [os.path.join(folder, "bin") for folder in layer_folders]  # noqa: PTH118
    made["PATH"] = os.pathsep.join([*programs, made.get("PATH", os.defpath)])
    return made
