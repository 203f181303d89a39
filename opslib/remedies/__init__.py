"""What can be changed, one module a service: the only place that names mutating API operations.

In: the state that somebody read. Out: `opslib.remedy.Plan`, or None where the remedy does not
apply. Makes no call: what reads the state is a *look* in the same module, what would change it
stands in the plan.
"""
