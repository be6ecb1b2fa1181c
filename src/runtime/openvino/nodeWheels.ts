/** The version of OpenVINO that is installed and tested with. */
export const OPENVINO_VERSION = "2026.4.1";

/** SHA-256 digests of its wheels on PyPI, by platform: one for each version of Python, with the same libraries inside. */
export const WHEEL_DIGESTS: Readonly<Record<string, readonly string[]>> = {
	"linux-x64": [
		"47dcccbab40a23aed1dc4af7c43a9c813cc61f684d66498e1627d407d5f2770b",
		"2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf",
		"6b4375c17ddcac83a5180349e2e2bb811185c261066e2a920659892d58ef0e3b",
		"a9b637846c579d7b81b17b6585e0c7b1947574e8d13cf83d7307ce50cd2c352e",
		"3631dd889dccf3d5087775948590a6609a662f90c24a9cf85bb4dfa0cdd7fd2f",
	],
	"linux-arm64": [
		"c9fed6c278b3f0314a53b4366fe8811bd784f24a60335b318dff1e3ae3bbb5c0",
		"bea1eb3733c34ef331adc945da0ccda5937865031139073663be84c517ffda22",
		"82efccb2f9f1bdc7e5a1996e05a3b719ebff9232dd54b44150d6d2e983a86b7d",
		"fc45339ff7d539de76e6d7b04135c120504c797cfc8c2a0dde3d2d616b30c758",
		"b70a01f6961bf8fe4b647b14fb122be4d30ece02292a9831f9241a64be089676",
	],
	"darwin-arm64": [
		"6c6ad38aefc3b0a7d1dbc7189c2be92bb876853f4681e1b1b9fbe1a382d5876f",
		"d3740853691ae4a9003bc3417a4625d848e2cc3251af4b815c59199b38be252a",
		"726ac547b8474a5e7b145bc1ae5a8bb6fbcbb60b79bd9a611c67eec2c74b7a5f",
		"60496e3153122913c8a2fa69d86b3a77ccc4e2469db87d76eb8acb49a5d22d63",
		"f57d1cc75c77c18b2be8ab628d8e0a8e01f4be44f521823b6fba7ede31d708d3",
	],
	"win32-x64": [
		"45ad6947f404049cb54807638ad35a67c66c0c90d1e89ee6cc45f92021cb6c45",
		"bfddae6d6d3ad240157b946f180c33d0ddfaaae7487995d929a4e6b4bc12b283",
		"4e04316abff1b99e29b8cbd38deaef9bde4739eba216d982d4b3981e456ecd87",
		"37c270c99d6de23439965e97cb5106389d3c8985f3b8bb90909a6ea0270db3f2",
		"96d5ecb8cca4d61a3eee754c9e477702509cf782eb45596c653a00ddb2176d96",
	],
};

/** What pip calls a platform. */
export const PIP_PLATFORMS: Readonly<Record<string, string>> = {
	"linux-x64": "manylinux_2_28_x86_64",
	"linux-arm64": "manylinux_2_35_aarch64",
	"darwin-arm64": "macosx_11_0_arm64",
	"win32-x64": "win_amd64",
};

/** This machine's platform, as the tables call it. */
export const thisPlatform = `${process.platform}-${process.arch}`;
