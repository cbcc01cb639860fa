"""The door for new machines. They have no account: their token is all they have."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fleet import enrolment
from wopr.common.permissions import Public


class _Told(serializers.Serializer[None]):
    """What a machine says. Its address and size are the provider's to say."""

    token = serializers.CharField(max_length=200)
    csr = serializers.CharField(max_length=4000)


@extend_schema(exclude=True)
class RegisterNode(APIView):
    authentication_classes = ()
    permission_classes = (Public,)

    def post(self, request: Request) -> Response:
        told = _Told(data=request.data)
        told.is_valid(raise_exception=True)
        welcome = enrolment.node_register(
            token=told.validated_data["token"],
            csr=told.validated_data["csr"],
            address=str(request.META["REMOTE_ADDR"]),
        )
        return Response({"ca": welcome.ca, "certificate": welcome.certificate})
