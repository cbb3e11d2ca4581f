"""The endpoints of the development issuer, one module for each flow."""
