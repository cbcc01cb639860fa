"""The admin's looks, for its templates."""

from django import template

from wopr.common.staff import looks

register = template.Library()
register.simple_tag(looks.pill, name="pill", takes_context=False)
register.simple_tag(looks.moment)
