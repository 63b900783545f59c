"""The sidecar: protects fragile SOAP and XML-RPC backends; every failure it meets becomes a readable state."""

__version__ = "0.1.0"
